"""What a build or a change of an index prints when it is done."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexing.changes import ChangeSummary
    from indexing.summary import BuildSummary


def show_build(summary: BuildSummary, *, as_json: bool) -> None:
    """Print what a build did."""
    from pipelines.render import size

    if as_json:
        print(json.dumps(asdict(summary) | {"path": str(summary.path)}, ensure_ascii=False))
        return
    print(f"{summary.path}: {summary.documents:,} documents, {summary.passages:,} passages")
    if not summary.vectors:
        print("BM25 only; `qa index add-vectors` makes the vectors")
    total = sum(summary.files.values())
    print(f"{size(total)} on disk; {_stages(summary.seconds)}", end="")
    print(f"peak memory {size(summary.peak_memory)}")
    _show_sources(summary)


def show_change(summary: ChangeSummary, *, as_json: bool) -> None:
    """Print what a change did."""
    if as_json:
        print(json.dumps(asdict(summary) | {"path": str(summary.path)}, ensure_ascii=False))
        return
    counts = {
        "added": summary.added,
        "replaced": summary.replaced,
        "removed": summary.removed,
    }
    done = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    print(
        f"{summary.path}: {done or 'nothing changed'}; now {summary.documents:,} documents, ",
        end="",
    )
    print(f"{summary.passages:,} passages in {summary.segments} segments")
    _show_sources(summary)


def _stages(seconds: Mapping[str, float]) -> str:
    return "".join(f"{name} {value:.1f} s, " for name, value in seconds.items())


def _show_sources(summary: BuildSummary | ChangeSummary) -> None:
    for remark in summary.remarks:
        print(remark)
    for reason, count in summary.skipped.items():
        print(f"skipped {count:,}: {reason}")
    for problem in summary.problems:
        print(f"  {problem}", file=sys.stderr)
