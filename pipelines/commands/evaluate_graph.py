"""`qa eval graph`."""

from __future__ import annotations

import argparse
from typing import Any

from pipelines.commands import options
from pipelines.commands.evaluation_options import add_common, show_scores


def register(parsers: Any) -> None:
    """Declare the subcommand."""
    graph = parsers.add_parser("graph", help="hits@k of answers that are sets of entities")
    graph.add_argument("questions", metavar="QUESTIONS", help="JSONL of question and answer lists")
    options.add_index(graph)
    options.add_retrieval(graph)
    options.add_stages(graph)
    graph.add_argument("--top-k", type=options.positive, default=20, help="passages read (20)")
    options.add_reader(graph)
    options.add_graph(graph)
    add_common(graph)
    graph.set_defaults(run=run_graph)


def run_graph(args: argparse.Namespace) -> int:
    """Measure asking a graph."""
    from pipelines.bundled import index_folder
    from pipelines.evaluate_graph import evaluate_graph
    from pipelines.progress import open_progress
    from pipelines.questions import load_questions

    folder = index_folder(args.index, open_progress())
    with options.load_answering(args, folder, options.graph_settings(args)) as qa:
        result = evaluate_graph(
            load_questions(args.questions),
            qa,
            top_k=args.top_k,
            limit=args.limit,
            report=args.report,
            progress=open_progress(),
        )
    show_scores(dict(result), as_json=args.json)
    return 0
