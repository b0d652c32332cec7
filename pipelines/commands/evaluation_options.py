"""What all kinds of evaluation take and print."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.commands import options


def add_common(parser: argparse.ArgumentParser) -> None:
    """Declare `--limit`, `--report` and `--json`."""
    parser.add_argument("--limit", type=options.positive, metavar="N", help="the first N questions")
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="write predictions, runs and a page to look at"
    )
    options.add_json(parser)


def show_scores(result: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a result as a table, or as one JSON document."""
    if as_json:
        print(json.dumps(result))
        return
    from pipelines.evaluation_table import show_result
    from pipelines.render import open_console

    show_result(open_console(), result)
