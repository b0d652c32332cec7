"""`qa train writer` and `qa train questions`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pipelines.commands import options


def register(parsers: Any) -> None:
    """Declare both commands."""
    _register_writer(parsers)
    _register_questions(parsers)


def _register_writer(parsers: Any) -> None:
    parser = parsers.add_parser(
        "writer",
        help="train a question writer on SQuAD-type files",
        description="Train a model that writes an answer and its question about a passage, for "
        "`qa train questions`. A stopped run goes on with --resume, exactly.",
    )
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="SQuAD-type JSON, also compressed; each file is a style of asking of its own",
    )
    parser.add_argument(
        "--base",
        required=True,
        metavar="FOLDER",
        help="checkpoint of `qa pretrain`, or any other masked BERT model",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the writer")
    parser.add_argument("--epochs", type=options.positive, default=6, help="(6)")
    parser.add_argument("--max-steps", type=options.positive, help="stop after so many batches")
    parser.add_argument("--batch", type=options.positive, default=64, help="questions each (64)")
    parser.add_argument("--learning-rate", type=float, default=2e-4, help="(0.0002)")
    parser.add_argument("--dropout", type=options.share, default=0.1, help="(0.1)")
    parser.add_argument("--seed", type=options.seed, default=13)
    parser.add_argument("--resume", action="store_true", help="go on with a stopped run")
    parser.set_defaults(run=run_writer)


def _register_questions(parsers: Any) -> None:
    parser = parsers.add_parser(
        "questions",
        help="write questions about an index's own passages, for `qa train mine`",
        description="Let a question writer ask about passages of the index, and keep the questions "
        "to which a reader finds the same answer. `qa train mine` finds hard negatives for them, "
        "and `qa train retriever` trains on those, without labels.",
    )
    options.add_index(parser, required=True)
    parser.add_argument(
        "--writer", type=Path, required=True, metavar="FOLDER", help="from `qa train writer`"
    )
    parser.add_argument(
        "--reader", default="default", help="checks the answers; 'none' keeps all (bundled)"
    )
    parser.add_argument("--out", type=Path, required=True, help="the JSONL file to write")
    parser.add_argument(
        "--questions", type=options.positive, default=100_000, help="at most (100,000)"
    )
    parser.add_argument(
        "--styles",
        nargs="+",
        type=options.positive,
        metavar="N",
        help="ask as the Nth of the writer's files does, counted from 1 (all)",
    )
    options.add_keep_out(parser, "files whose paragraphs' passages are passed over")
    parser.add_argument("--seed", type=options.seed, default=13)
    parser.add_argument("--resume", action="store_true", help="go on with a stopped run")
    parser.set_defaults(run=run_questions)


def run_writer(args: argparse.Namespace) -> int:
    """Train a question writer."""
    from pipelines.commands.train_reader import require_training

    require_training()
    from reader.asking.training import WriterSettings, train_writer
    from reader.load import reader_folder

    settings = WriterSettings(
        base=str(reader_folder(args.base)),
        files=tuple(str(file) for file in args.files),
        epochs=args.epochs,
        max_steps=args.max_steps,
        rows=args.batch,
        learning_rate=args.learning_rate,
        dropout=args.dropout,
        seed=args.seed,
    )
    train_writer(settings, args.out, resume=args.resume)
    print(f"{args.out}: a writer of {len(args.files)} styles")
    return 0


def run_questions(args: argparse.Namespace) -> int:
    """Write questions about an index."""
    from pipelines.commands.train_reader import require_training

    require_training()
    from indexing.errors import InputError
    from indexing.index import Index
    from pipelines.progress import open_progress
    from pipelines.written_questions import WritingSettings, write_questions
    from reader.asking.writer import QuestionWriter
    from reader.load import load_reader, reader_folder

    writer = QuestionWriter.from_folder(args.writer)
    styles = tuple(n - 1 for n in args.styles) if args.styles else tuple(range(writer.styles))
    if max(styles) >= writer.styles:
        raise InputError(f"{args.writer} has {writer.styles} styles; choose --styles among them")
    checked_by = None if args.reader == "none" else reader_folder(args.reader)
    reader = load_reader(checked_by).reader if checked_by else None
    settings = WritingSettings(
        args.questions,
        styles,
        args.seed,
        keep_out=tuple(args.keep_out),
        index=str(args.index),
        writer=str(args.writer),
        reader=str(checked_by or ""),
    )
    with Index.open(args.index) as index:
        counts = write_questions(
            index,
            writer,
            reader,
            args.out,
            settings,
            resume=args.resume,
            progress=open_progress(),
        )
    written = counts.asked * len(styles)
    print(f"{args.out}: {counts.kept:,} questions, of {written:,} that were written")
    return 0
