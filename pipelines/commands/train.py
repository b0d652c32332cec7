"""`qa train` and its kinds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pipelines.commands import (
    options,
    train_adapter,
    train_graph,
    train_labels,
    train_questions,
    train_reader,
    train_rescorer,
    train_retriever,
)
from pipelines.mining import MiningSettings


def register(commands: Any) -> None:
    """Declare the training subcommands."""
    group = commands.add_parser("train", help="train models")
    parsers = group.add_subparsers(dest="action", metavar="WHAT", required=True)
    train_reader.register(parsers)
    train_retriever.register(parsers)
    train_adapter.register(parsers)
    train_rescorer.register(parsers)
    train_labels.register(parsers)
    _register_mine(parsers)
    _register_cloze(parsers)
    train_questions.register(parsers)
    train_graph.register(parsers)
    mean = parsers.add_parser("average", help="write the mean of checkpoints of one family")
    mean.add_argument("folders", nargs="+", type=Path, metavar="READER", help="checkpoint folders")
    mean.add_argument(
        "--shares", nargs="+", type=float, metavar="X", help="how much each counts (all alike)"
    )
    mean.add_argument("--out", type=Path, required=True, help="folder for the mean")
    mean.set_defaults(run=run_average)
    _register_alter(parsers)


def _register_mine(parsers: Any) -> None:
    defaults = MiningSettings()
    parser = parsers.add_parser(
        "mine",
        help="find training passages for questions in an index",
        description="Write hard negatives for questions with a paragraph, and passages that hold "
        "the answer for question-answer pairs without one (distant supervision).",
    )
    parser.add_argument("questions", nargs="+", help="question files of any kind, for training")
    options.add_index(parser, required=True)
    options.add_retrieval(parser)
    parser.add_argument("--out", type=Path, required=True, help="the JSONL file to write")
    parser.add_argument("--depth", type=options.positive, default=defaults.depth)
    parser.add_argument("--positives", type=options.positive, default=defaults.positives)
    parser.add_argument("--negatives", type=options.positive, default=defaults.negatives)
    options.add_keep_out(
        parser, "files whose questions, and passages of whose paragraphs, are passed over"
    )
    parser.add_argument(
        "--only-found",
        action="store_true",
        help="leave out questions whose own paragraph is not among the --depth passages found: for "
        "those of `qa train questions`, which may say too little",
    )
    parser.add_argument("--resume", action="store_true", help="go on with a stopped run")
    parser.set_defaults(run=run_mine)


def _register_cloze(parsers: Any) -> None:
    parser = parsers.add_parser(
        "cloze",
        help="write questions made of an index's own sentences, for `qa train mine`",
        description="Take a name or a number out of sentences of the index and write the rest as "
        "questions. `qa train mine` finds passages that answer them, and `qa train reader` "
        "trains on those: a reader learns a corpus without labels.",
    )
    options.add_index(parser, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the JSONL file to write")
    parser.add_argument(
        "--questions", type=options.positive, default=100_000, help="at most (100,000)"
    )
    options.add_keep_out(parser, "files whose paragraphs' passages are passed over")
    parser.add_argument("--seed", type=options.seed, default=13)
    parser.set_defaults(run=run_cloze)


def _register_alter(parsers: Any) -> None:
    parser = parsers.add_parser(
        "alter",
        help="write a SQuAD 2.0-type file: some questions altered so that they have no answer",
        description="Alter a share of the questions of SQuAD-type files (a name, a number or a "
        "word exchanged), so that their paragraphs have no answer to them. Questions that "
        "cannot be altered stay; those whose answers do not stand in their paragraphs word for "
        "word are left out.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="SQuAD-type JSON")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--share", type=options.share, default=0.5, help="to alter (0.5)")
    parser.add_argument("--limit", type=options.positive, help="take so many, at random")
    parser.add_argument("--seed", type=options.seed, default=13)
    parser.set_defaults(run=run_alter)


def run_alter(args: argparse.Namespace) -> int:
    """Write altered questions."""
    from pipelines.altered_file import write_altered

    counts = write_altered(args.files, args.out, args.share, args.limit, args.seed)
    print(
        f"{args.out}: {counts.questions:,} questions, {counts.altered:,} of them altered; "
        f"{counts.left_out:,} left out, whose answers do not stand in their paragraphs"
    )
    return 0


def run_mine(args: argparse.Namespace) -> int:
    """Mine training passages."""
    from indexing.index import Index
    from pipelines.ask import open_index_retriever
    from pipelines.mining import mine_file
    from pipelines.progress import open_progress

    settings = MiningSettings(
        args.depth,
        args.positives,
        args.negatives,
        tuple(args.keep_out),
        args.only_found,
        str(args.index),
        args.retriever,
        args.encoder,
    )
    with Index.open(args.index) as index:
        retriever = open_index_retriever(
            index, args.retriever, args.encoder, args.device, args.precision
        )
        counts = mine_file(
            args.questions,
            retriever,
            args.out,
            settings,
            resume=args.resume,
            progress=open_progress(),
        )
    print(
        f"{args.out}: {counts['kept']:,} of {counts['questions']:,} questions, "
        f"{counts['positives']:,} passages with an answer, {counts['negatives']:,} without; "
        f"{counts['without_positive']:,} questions had no passage with an answer"
    )
    return 0


def run_cloze(args: argparse.Namespace) -> int:
    """Write questions made of sentences."""
    from indexing.index import Index
    from pipelines.cloze_questions import write_cloze_questions
    from pipelines.progress import open_progress

    with Index.open(args.index) as index:
        count = write_cloze_questions(
            index,
            args.out,
            args.questions,
            seed=args.seed,
            keep_out=tuple(args.keep_out),
            progress=open_progress(),
        )
    print(f"{args.out}: {count:,} questions")
    return 0


def run_average(args: argparse.Namespace) -> int:
    """Write the mean of checkpoints."""
    from reader.averaging import average

    average(args.folders, args.out, args.shares)
    return 0
