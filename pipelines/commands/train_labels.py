"""`qa train labels`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipelines.commands import options


def register(parsers: Any) -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "labels",
        help="turn questions that quote your documents into labels to train on",
        description="Find the passages that answer questions, by what they quote: a line has "
        "'question', 'answer' (right spans, best first), 'document_id' and 'quote', a piece of the "
        "document that stands there once and holds the answers (where it is missing or empty, "
        "the best answer stands there once). The labels are SQuAD-type JSON, for "
        "`qa train reader` and `qa train mine`.",
    )
    parser.add_argument("questions", help="a question file of any kind")
    options.add_index(parser, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    parser.add_argument(
        "--strict", action="store_true", help="stop at the first question that cannot be used"
    )
    options.add_json(parser)
    parser.set_defaults(run=run_labels)


def run_labels(args: argparse.Namespace) -> int:
    """Write labels."""
    from indexing.index import Index
    from indexing.problems import Problems
    from pipelines.quoted_labels import write_labels

    problems = Problems(strict=args.strict, keep=20)
    with Index.open(args.index) as index:
        counts = write_labels(args.questions, index, args.out, problems)
    for problem in problems.kept:
        print(problem, file=sys.stderr)
    if args.json:
        print(json.dumps({**asdict(counts), "skipped": problems.total, "out": str(args.out)}))
        return 0
    print(
        f"{args.out}: {counts.labelled:,} of {counts.questions:,} questions; "
        f"{counts.unanswered:,} that nothing answers, {problems.total:,} that cannot be used"
    )
    return 0
