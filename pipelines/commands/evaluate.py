"""`qa eval reading|retrieval|open`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.commands import options

if TYPE_CHECKING:
    from reader.spans import Span


def register(commands: Any) -> None:
    """Declare `qa eval` and its subcommands."""
    group = commands.add_parser("eval", help="measure reading, retrieval, or both")
    parsers = group.add_subparsers(dest="action", metavar="WHAT", required=True)
    reading = parsers.add_parser(
        "reading", help="EM and F1 over given contexts (SQuAD 1.1 and 2.0 definitions)"
    )
    reading.add_argument("questions", metavar="FILE", help="SQuAD-type JSON, or a data set's name")
    options.add_reader(reading)
    options.add_machine(reading)
    reading.add_argument(
        "--null-threshold",
        type=options.share,
        metavar="P",
        default=0.5,
        help="SQuAD 2.0: no answer below this relevance (default 0.5)",
    )
    _common(reading)
    reading.set_defaults(run=run_reading)
    retrieval = parsers.add_parser("retrieval", help="recall@k and MRR by answer match")
    _open_questions(retrieval)
    retrieval.set_defaults(run=run_retrieval)
    open_ = parsers.add_parser("open", help="EM and F1 of answers over the whole index")
    _open_questions(open_)
    open_.add_argument("--top-k", type=options.positive, default=20, help="passages read (20)")
    options.add_reader(open_)
    open_.set_defaults(run=run_open)


def _open_questions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "questions", metavar="QUESTIONS", help="JSONL, CSV, TSV or SQuAD JSON, or a data set's name"
    )
    options.add_index(parser)
    options.add_retrieval(parser)
    parser.add_argument(
        "--patterns", action="store_true", help="answers are regular expressions (CuratedTREC)"
    )
    _common(parser)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=options.positive, metavar="N", help="the first N questions")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write predictions and runs")
    options.add_json(parser)


def run_reading(args: argparse.Namespace) -> int:
    """Measure a reader on given contexts."""
    import math

    from pipelines.evaluate import evaluate_reading
    from pipelines.progress import open_progress
    from pipelines.questions import load_reading
    from reader.load import load_reader

    loaded = load_reader(args.reader, args.device, args.precision)
    least = math.log(max(args.null_threshold, 1e-12))

    def is_answerable(spans: Sequence[Span]) -> bool:
        return bool(spans) and spans[0].relevance_logprob >= least

    result = evaluate_reading(
        load_reading(args.questions),
        loaded.reader,
        limit=args.limit,
        is_answerable=is_answerable,
        report=args.report,
        progress=open_progress(),
    )
    _show(dict(result), as_json=args.json)
    return 0


def run_retrieval(args: argparse.Namespace) -> int:
    """Measure a retriever."""
    from indexing.index import Index
    from pipelines.ask import open_index_retriever
    from pipelines.bundled import index_folder
    from pipelines.evaluate import evaluate_retrieval
    from pipelines.progress import open_progress
    from pipelines.questions import load_questions

    questions = load_questions(args.questions)
    with Index.open(index_folder(args.index, open_progress())) as index:
        retriever = open_index_retriever(
            index, args.retriever, args.encoder, args.device, args.precision
        )
        result = evaluate_retrieval(
            questions,
            retriever,
            patterns=args.patterns,
            limit=args.limit,
            report=args.report,
            progress=open_progress(),
        )
    _show(dict(result), as_json=args.json)
    return 0


def run_open(args: argparse.Namespace) -> int:
    """Measure asking, from question to answer."""
    from pipelines.ask import QuestionAnswering
    from pipelines.bundled import index_folder
    from pipelines.evaluate import OpenSettings, evaluate_open
    from pipelines.progress import open_progress
    from pipelines.questions import load_questions

    questions = load_questions(args.questions)
    folder = index_folder(args.index, open_progress())
    notes = {"index": str(folder), "retriever": args.retriever, "reader": args.reader}
    settings = OpenSettings(top_k=args.top_k, patterns=args.patterns, notes=notes)
    with QuestionAnswering.load(
        folder,
        retriever=args.retriever,
        reader=args.reader,
        encoder=args.encoder,
        device=args.device,
        precision=args.precision,
    ) as qa:
        result = evaluate_open(
            questions,
            qa,
            settings,
            retriever=qa.retriever,
            limit=args.limit,
            report=args.report,
            progress=open_progress(),
        )
    _show(dict(result), as_json=args.json)
    return 0


def _show(result: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result))
        return
    for name, value in _flat(result):
        print(f"{name:<28} {value:.2f}" if isinstance(value, float) else f"{name:<28} {value}")


def _flat(result: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return nested results as dotted names with plain values; intervals as "low to high"."""
    rows: list[tuple[str, Any]] = []
    for name, value in result.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, (list, tuple)):
            rows.append((prefix + name, " to ".join(f"{part:.2f}" for part in value)))
        else:
            rows.append((prefix + name, value))
    return rows
