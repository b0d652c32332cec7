"""Markdown tables with the ratios to SpanQA, and a plain word where a peer is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.peers.systems import OURS

Rows = Mapping[str, Mapping[str, Any]]
NOISE = 1.05  # costs closer than this are called equal


@dataclass(frozen=True, slots=True)
class Column:
    """A measured cost or rate: its key in a row, heading, scale, unit and decimals."""

    key: str
    heading: str
    divisor: float
    unit: str
    decimals: int
    more_is_better: bool = False

    def show(self, value: float) -> str:
        """Return the value with its unit."""
        return f"{value / self.divisor:,.{self.decimals}f}{self.unit}"

    def ratio(self, value: float, ours: float) -> float:
        """Return how many times better SpanQA is; under 1 the other is better."""
        return ours / value if self.more_is_better else value / ours


BUILD = Column("build_seconds", "build", 1, " s", 1)
COSTS = (
    BUILD,
    Column("build_memory", "build memory", 2**20, " MB", 0),
    Column("disk", "on disk", 2**20, " MB", 1),
    Column("cold_ms", "cold", 1000, " s", 2),
    Column("p50_ms", "warm p50", 1, " ms", 0),
    Column("p95_ms", "warm p95", 1, " ms", 0),
    Column("questions_per_second", "batch", 1, " q/s", 2, more_is_better=True),
    Column("ask_memory", "memory asking", 2**20, " MB", 0),
)
READING = Column("passages_per_second", "passages/s", 1, "", 1, more_is_better=True)
SCORES = {"recall": "recall@{k}", "exact_match": "EM", "f1": "F1"}


def cost(column: Column, row: Mapping[str, Any], ours: Mapping[str, Any] | None) -> str:
    """Return a cell: the value, and for a peer how many times better SpanQA is."""
    if column.key not in row:
        return "-"
    shown = column.show(row[column.key])
    if ours is None or ours is row or column.key not in ours:
        return shown
    return f"{shown} ({column.ratio(row[column.key], ours[column.key]):.2f}x)"


def score(name: str, row: Mapping[str, Any]) -> str:
    """Return a cell with a score and its interval."""
    if name not in row:
        return "-"
    low, high = row[f"{name}_ci95"]
    return f"{row[name]:.1f} [{low:.1f}, {high:.1f}]"


def wins(row: Mapping[str, Any], ours: Mapping[str, Any], columns: Sequence[Column]) -> str:
    """Say in what a peer is better than SpanQA, and by how much."""
    found = []
    for column in columns:
        if column.key in row and column.key in ours:
            ratio = column.ratio(row[column.key], ours[column.key])
            if ratio * NOISE < 1:
                found.append(f"{column.heading} {1 / ratio:.2f}x")
    for name, (difference, low, _) in row.get("against", {}).items():
        if difference > 0:
            certain = "" if low > 0 else ", within chance"
            found.append(f"{SCORES[name].format(k='k')} +{difference:.1f}{certain}")
    return "; ".join(found) or "nothing"


def table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    rule = ["---"] * len(headings)
    return "\n".join(f"| {' | '.join(line)} |" for line in (headings, rule, *lines))


def open_table(rows: Rows, failures: Mapping[str, str], titles: Mapping[str, str], k: int) -> str:
    """Return the table of whole systems; those that failed have their reason instead."""
    headings = ["system", *(column.heading for column in COSTS)]
    headings += [name.format(k=k) for name in SCORES.values()] + ["better than SpanQA in"]
    ours = rows.get(OURS)
    lines = []
    for name, row in rows.items():
        line = [titles[name], *(cost(column, row, ours) for column in COSTS)]
        line += [score(key, row) for key in SCORES]
        better = wins(row, ours, COSTS) if ours is not None and name != OURS else ""
        lines.append([*line, better])
    lines += _failed(failures, titles, len(headings))
    return table(headings, lines)


def reading_table(rows: Rows, failures: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """Return the table of readers alone."""
    scored = any("f1" in row for row in rows.values())
    headings = ["reader", READING.heading, "memory", "same answer as the fp32 reference"]
    headings += ["EM", "F1"] if scored else []
    headings.append("faster than SpanQA")
    memory = Column("memory", "memory", 2**20, " MB", 0)
    ours = rows.get(OURS)
    lines = []
    for name, row in rows.items():
        line = [titles[name], cost(READING, row, ours), cost(memory, row, ours)]
        line.append(f"{row['agreement']:.1f} %" if "agreement" in row else "-")
        line += [score("exact_match", row), score("f1", row)] if scored else []
        better = wins(row, ours, [READING]) if ours is not None and name != OURS else ""
        lines.append([*line, better])
    lines += _failed(failures, titles, len(headings))
    return table(headings, lines)


def _failed(failures: Mapping[str, str], titles: Mapping[str, str], width: int) -> list[list[str]]:
    return [
        [titles[name], f"failed: {why.replace('|', '/')}", *[""] * (width - 2)]
        for name, why in failures.items()
    ]
