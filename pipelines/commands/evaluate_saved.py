"""`qa eval run` and `qa eval compare`: scores from files that an earlier run left."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from pipelines.commands import options


def register(parsers: Any) -> None:
    """Declare both subcommands."""
    run = parsers.add_parser(
        "run", help="score a TREC run file, of any system, against qrels: recall, MRR, nDCG"
    )
    run.add_argument("run_file", metavar="RUN", type=Path, help="question Q0 item rank score tag")
    run.add_argument("qrels", metavar="QRELS", type=Path, help="question 0 item grade")
    run.add_argument("--k", type=options.depths, default=(1, 5, 20, 100), help="(1,5,20,100)")
    options.add_json(run)
    run.set_defaults(run=score_run)
    compare = parsers.add_parser(
        "compare", help="compare two --report folders question by question (paired bootstrap)"
    )
    compare.add_argument("first", metavar="A", type=Path)
    compare.add_argument("second", metavar="B", type=Path)
    options.add_json(compare)
    compare.set_defaults(run=compare_saved)


def score_run(args: argparse.Namespace) -> int:
    """Score a run file."""
    from pipelines.qrels import read_qrels, read_run
    from pipelines.ranking_metrics import ranking_scores

    grades = read_qrels(args.qrels)
    rankings = read_run(args.run_file)
    if not any(item in own for id_, own in grades.items() for item in rankings.get(id_, ())):
        print(
            f"qa: warning: {args.run_file} and {args.qrels} have no item of a question in common; "
            "do both name documents, or both passages?",
            file=sys.stderr,
        )
    result = ranking_scores(rankings, grades, args.k)
    if args.json:
        print(json.dumps(result))
    else:
        from pipelines.evaluation_table import show_result
        from pipelines.render import open_console

        show_result(open_console(), dict(result))
    return 0


def compare_saved(args: argparse.Namespace) -> int:
    """Compare two saved runs."""
    from pipelines.compare import compare_runs

    found = compare_runs(args.first, args.second)
    if args.json:
        print(json.dumps(found))
    else:
        from pipelines.evaluation_table import show_comparison
        from pipelines.render import open_console

        show_comparison(open_console(), found)
    return 0
