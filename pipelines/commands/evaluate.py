"""`qa eval reading|retrieval|open|graph|run|compare`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.commands import evaluate_graph, evaluate_saved, options
from pipelines.commands.evaluation_options import add_common, show_scores

if TYPE_CHECKING:
    from pipelines.qrels import Gold
    from reader.spans import Span


def register(commands: Any) -> None:
    """Declare `qa eval` and its subcommands."""
    group = commands.add_parser("eval", help="measure reading, retrieval, or both")
    parsers = group.add_subparsers(dest="action", metavar="WHAT", required=True)
    reading = parsers.add_parser(
        "reading", help="EM and F1 over given contexts (SQuAD 1.1 and 2.0 definitions)"
    )
    reading.add_argument(
        "questions",
        nargs="+",
        metavar="FILE",
        help="SQuAD-type JSON, or a data set's name; several are averaged too (macro average)",
    )
    options.add_reader(reading)
    options.add_machine(reading)
    reading.add_argument(
        "--null-threshold",
        type=options.share,
        metavar="P",
        default=0.5,
        help="SQuAD 2.0: no answer below this probability that the context has one (default "
        "0.5); `qa calibrate --reading` fits the probability",
    )
    add_common(reading)
    reading.set_defaults(run=run_reading)
    retrieval = parsers.add_parser(
        "retrieval", help="recall@k, MRR and nDCG by answer match and gold"
    )
    _open_questions(retrieval)
    retrieval.set_defaults(run=run_retrieval)
    open_ = parsers.add_parser("open", help="EM and F1 of answers over the whole index")
    _open_questions(open_)
    open_.add_argument("--top-k", type=options.positive, default=20, help="passages read (20)")
    open_.add_argument(
        "--sweep-k",
        type=options.depths,
        default=(),
        metavar="K,K",
        help="scores from so many passages too, reading each once, as 1,5,20,100",
    )
    options.add_reader(open_)
    open_.set_defaults(run=run_open)
    evaluate_graph.register(parsers)
    evaluate_saved.register(parsers)


def _open_questions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "questions", metavar="QUESTIONS", help="JSONL, CSV, TSV or SQuAD JSON, or a data set's name"
    )
    options.add_index(parser)
    options.add_retrieval(parser)
    options.add_stages(parser)
    parser.add_argument(
        "--patterns", action="store_true", help="answers are regular expressions (CuratedTREC)"
    )
    parser.add_argument(
        "--qrels",
        type=Path,
        metavar="FILE",
        help="right items, as TREC's `question 0 item grade` "
        "(default: the documents that the questions name in document_id)",
    )
    parser.add_argument(
        "--qrels-of",
        choices=("documents", "passages"),
        default="documents",
        help="what the items are (default: documents)",
    )
    add_common(parser)


def run_reading(args: argparse.Namespace) -> int:
    """Measure a reader on given contexts."""
    from pipelines.evaluate import evaluate_reading, evaluate_reading_sets
    from pipelines.evaluate_reading_sets import set_names
    from pipelines.progress import open_progress
    from pipelines.questions import load_reading
    from reader.inference import ReadSettings
    from reader.load import load_reader

    sets = [load_reading(source) for source in args.questions]
    # Only a context's best span is scored.
    loaded = load_reader(args.reader, args.device, args.precision, ReadSettings(spans=1))
    answerable = loaded.calibration.answerable

    def is_answerable(spans: Sequence[Span]) -> bool:
        return bool(spans) and answerable.probability(spans[0]) >= args.null_threshold

    if len(sets) == 1:
        result: Mapping[str, Any] = evaluate_reading(
            sets[0],
            loaded.reader,
            limit=args.limit,
            is_answerable=is_answerable,
            report=args.report,
            notes={"file": args.questions[0], "reader": args.reader},
            progress=open_progress(),
        )
    else:
        result = evaluate_reading_sets(
            dict(zip(set_names(args.questions), sets, strict=True)),
            loaded.reader,
            limit=args.limit,
            is_answerable=is_answerable,
            report=args.report,
            notes={"reader": args.reader},
            progress=open_progress(),
        )
    show_scores(result, as_json=args.json)
    return 0


def run_retrieval(args: argparse.Namespace) -> int:
    """Measure a retriever."""
    from indexing.index import Index
    from pipelines.ask import open_index_retriever
    from pipelines.bundled import index_folder
    from pipelines.evaluate import evaluate_retrieval
    from pipelines.progress import open_progress
    from pipelines.questions import load_questions
    from pipelines.stages import open_stages

    questions = load_questions(args.questions, unanswerable=True)
    folder = index_folder(args.index, open_progress())
    stages = options.stage_settings(args)
    notes = {"file": args.questions, "index": str(folder), "retriever": args.retriever}
    notes |= stages.chosen()
    with Index.open(folder) as index:
        retriever = open_index_retriever(
            index, args.retriever, args.encoder, args.device, args.precision
        )
        retriever = open_stages(index, retriever, stages, args.device, args.precision)
        result = evaluate_retrieval(
            questions,
            retriever,
            patterns=args.patterns,
            gold=_gold(args),
            limit=args.limit,
            report=args.report,
            notes=notes,
            progress=open_progress(),
        )
    show_scores(dict(result), as_json=args.json)
    return 0


def run_open(args: argparse.Namespace) -> int:
    """Measure asking, from question to answer."""
    from pipelines.bundled import index_folder
    from pipelines.evaluate import OpenSettings, evaluate_open
    from pipelines.progress import open_progress
    from pipelines.questions import load_questions

    questions = load_questions(args.questions, unanswerable=True)
    folder = index_folder(args.index, open_progress())
    notes = _open_notes(args, folder) if args.report else None  # models are read for it
    with options.load_answering(args, folder) as qa:
        settings = OpenSettings(
            top_k=args.top_k,
            patterns=args.patterns,
            threshold=qa.threshold,
            sweep=args.sweep_k,
            notes=notes,
        )
        result = evaluate_open(
            questions,
            qa,
            settings,
            retriever=qa.retriever,
            gold=_gold(args),
            limit=args.limit,
            report=args.report,
            progress=open_progress(),
        )
    show_scores(dict(result), as_json=args.json)
    return 0


def _open_notes(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return what decides the predictions besides the questions and `OpenSettings`."""
    from encoder.session import pick
    from pipelines.answering_parts import part_fingerprints

    device, precision = pick(args.device, args.precision)
    return {
        "file": args.questions,
        "index": str(folder),
        "retriever": args.retriever,
        "encoder": args.encoder,
        "reader": args.reader,
        "device": device,
        "precision": precision,
        **options.stage_settings(args).chosen(),
        **part_fingerprints(
            folder,
            retriever=args.retriever,
            encoder=args.encoder,
            reader=args.reader,
            rerank=args.rerank,
        ),
    }


def _gold(args: argparse.Namespace) -> Gold | None:
    from pipelines.qrels import Gold, read_qrels

    return Gold(read_qrels(args.qrels), args.qrels_of) if args.qrels else None
