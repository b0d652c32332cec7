"""`qa train graph`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from pipelines.commands import options


def register(parsers: Any) -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "graph",
        help="fit which relations of a graph questions ask for",
        description="Fit a classifier of questions by the path of relations that leads to their "
        "answers, from questions with answers; use it with --paths.",
    )
    parser.add_argument("questions", metavar="QUESTIONS", help="JSONL of question and answer lists")
    options.add_index(parser, required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the fitted paths")
    parser.add_argument(
        "--hops", type=options.positive, default=1, metavar="N", help="the longest path (default 1)"
    )
    parser.add_argument("--limit", type=options.positive, metavar="N", help="the first N questions")
    parser.add_argument("--encoder", metavar="DIR", help="the encoder's folder, if not the index's")
    options.add_machine(parser)
    options.add_json(parser)
    parser.set_defaults(run=run_graph)


def run_graph(args: argparse.Namespace) -> int:
    """Fit paths and write them."""
    from indexing.index import Index
    from pipelines.ask import open_index_encoder
    from pipelines.graph_fitting import FitSettings, fit_paths
    from pipelines.progress import open_progress
    from pipelines.questions import load_questions
    from retriever.graph import GraphView

    questions = load_questions(args.questions)[: args.limit]
    with Index.open(args.index) as index:
        encoder = open_index_encoder(index, args.encoder, args.device, args.precision)
        settings = FitSettings(args.hops)
        found = fit_paths(questions, GraphView(index), encoder, settings, open_progress())
    found.paths.save(args.out)
    count = len(found.paths.paths)
    if args.json:
        summary = {"questions": found.questions, "explained": found.explained, "paths": count}
        print(json.dumps({**summary, "out": str(args.out)}))
    else:
        print(f"{found.explained:,} of {found.questions:,} questions explained by {count} paths")
        print(f"written to {args.out}; use it with --paths {args.out} --hops {args.hops}")
    return 0
