"""Results of evaluations as tables for people: every score with its interval and its n."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.compare import Comparison

_APART = ("categories", "errors")


@dataclass(frozen=True, slots=True)
class Row:
    """One score: its dotted name, its value, its 95 % interval and over how many, where known."""

    name: str
    value: object
    interval: tuple[float, float] | None
    n: int | None


def result_rows(result: Mapping[str, Any]) -> list[Row]:
    """Return a result's scores, nested ones with dotted names.

    An interval is found under the same names below `ci95` of the mapping or of one around it,
    `n` likewise. Categories and errors have tables of their own and are left out.
    """
    return _rows(result, "", {}, None)


def _rows(
    result: Mapping[str, Any], prefix: str, intervals: Mapping[str, Any], n: int | None
) -> list[Row]:
    intervals = result.get("ci95", intervals)
    n = result.get("n", n)
    rows = []
    for name, value in result.items():
        if name in _APART or name in {"ci95", "n"}:
            continue
        own = intervals.get(name) if isinstance(intervals, Mapping) else None
        if isinstance(value, Mapping):
            inner = own if isinstance(own, Mapping) else {}
            rows += _rows(value, f"{prefix}{name}.", inner, n)
        elif value is not None:
            pair = own if isinstance(own, (tuple, list)) else None
            rows.append(Row(prefix + name, value, (pair[0], pair[1]) if pair else None, n))
    return rows


def show_result(console: Console, result: Mapping[str, Any]) -> None:
    """Print the scores, then where the misses come from, and the scores by category."""
    rows = [
        (row.name, _number(row.value), _interval(row.interval), _count(row))
        for row in result_rows(result)
    ]
    _table(console, ("Score", "Value", "95 % interval", "n"), rows)
    errors = result.get("errors")
    if errors:
        shares = errors["ci95"]["share"]
        _table(
            console,
            ("Misses by fault", "% of questions", "95 % interval", "n"),
            [
                (name, _number(share), _interval(shares[name]), str(errors["count"][name]))
                for name, share in errors["share"].items()
            ],
        )
    for group, parts in result.get("categories", {}).items():
        _table(
            console,
            (f"By {group}", "EM", "95 % interval", "n"),
            [
                (name, _number(p["exact_match"]), _interval(p["ci95"]["exact_match"]), str(p["n"]))
                for name, p in parts.items()
            ],
        )


def show_comparison(console: Console, found: Comparison) -> None:
    """Print each score of both runs with their difference."""
    rows = [
        (
            name,
            _number(own["first"]),
            _number(own["second"]),
            f"{own['difference']:+.{_digits(own['first'])}f}",
            _interval(own["ci95"]),
            f"{own['p_value']:.3f}",
        )
        for name, own in found["scores"].items()
    ]
    heading = ("Score", "A", "B", "B - A", "95 % interval", "p")
    console.print(f"A: {found['first']}\nB: {found['second']}", markup=False)
    _table(console, heading, rows)
    left = found["only_first"] + found["only_second"]
    console.print(
        f"{found['n']} questions in both runs: B is better on {len(found['better'])}, worse on "
        f"{len(found['worse'])}"
        + (f"; {left} questions in one run only are left out" if left else "")
    )


def _table(console: Console, heading: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(heading):
        table.add_column(name, justify="right" if place else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _digits(value: float) -> int:
    return 2 if abs(value) > 1 else 4


def _number(value: object) -> str:
    return f"{value:.{_digits(value)}f}" if isinstance(value, float) else str(value)


def _interval(pair: tuple[float, float] | None) -> str:
    if pair is None:
        return ""
    digits = min(map(_digits, pair))
    return f"{pair[0]:.{digits}f} to {pair[1]:.{digits}f}"


def _count(row: Row) -> str:
    return "" if row.n is None else str(row.n)
