"""Charts of a report, as SVG that takes its colours from the page's style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from pipelines.selective import Bin
from pipelines.statistics import Interval

_WIDTH, _HEIGHT = 460.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 14.0, 12.0, 46.0
_Z = 1.959963984540054  # the normal distribution's 97.5th percentile


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its label, its range and its ticks, on a plain or a logarithmic scale."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False

    def share(self, value: float) -> float:
        """Return how far along the axis a value stands, 0 to 1."""
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return (value - low) / (high - low) if high > low else 0.5


@dataclass(frozen=True, slots=True)
class Series:
    """Points (x, y) of one line, each with a 95 % interval of y where `band` has them."""

    points: Sequence[tuple[float, float]]
    band: Sequence[Interval] = ()
    dots: bool = True


@dataclass(frozen=True, slots=True)
class Chart:
    """Axes, and the SVG elements between them in drawing order."""

    name: str
    x: Axis
    y: Axis
    parts: list[str] = field(default_factory=list)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point stands in the picture."""
        return (
            _LEFT + self.x.share(x) * (_WIDTH - _LEFT - _RIGHT),
            _HEIGHT - _BOTTOM - self.y.share(y) * (_HEIGHT - _TOP - _BOTTOM),
        )

    def line(self, points: Sequence[tuple[float, float]], style: str) -> None:
        """Draw a line through points."""
        self.parts.append(f'<polyline class="{style}" points="{self._path(points)}"/>')

    def area(self, points: Sequence[tuple[float, float]], style: str) -> None:
        """Fill the area within points."""
        self.parts.append(f'<polygon class="{style}" points="{self._path(points)}"/>')

    def dot(self, x: float, y: float, note: str) -> None:
        """Draw a point with a note that appears under the pointer."""
        left, top = self.place(x, y)
        self.parts.append(
            f'<circle class="dot" cx="{left:.1f}" cy="{top:.1f}" r="4"><title>{escape(note)}'
            "</title></circle>"
        )

    def _path(self, points: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in (self.place(*point) for point in points))

    def svg(self) -> str:
        """Return the picture."""
        return (
            f'<svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" '
            f'aria-label="{escape(self.name)}">{self._grid()}{"".join(self.parts)}</svg>'
        )

    def _grid(self) -> str:
        parts = []
        bottom = _HEIGHT - _BOTTOM
        for tick in self.y.ticks:
            _, top = self.place(self.x.low, tick)
            parts.append(
                f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{top:.1f}" '
                f'y2="{top:.1f}"/><text class="tick" x="{_LEFT - 8}" y="{top + 4:.1f}" '
                f'text-anchor="end">{tick:g}</text>'
            )
        for tick in self.x.ticks:
            left, _ = self.place(tick, self.y.low)
            parts.append(
                f'<line class="grid" x1="{left:.1f}" x2="{left:.1f}" y1="{bottom}" '
                f'y2="{bottom + 4}"/><text class="tick" x="{left:.1f}" y="{bottom + 18}" '
                f'text-anchor="middle">{tick:g}</text>'
            )
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        parts.append(
            f'<text class="axis" x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">'
            f"{escape(self.x.label)}</text>"
            f'<text class="axis" text-anchor="middle" transform="translate(12 '
            f'{(_TOP + bottom) / 2}) rotate(-90)">{escape(self.y.label)}</text>'
        )
        return "".join(parts)


def _percent(label: str) -> Axis:
    return Axis(label, 0, 100, (0, 20, 40, 60, 80, 100))


def depth_chart(name: str, label: str, series: Series) -> str:
    """Draw per cent (y) over a number of passages (x, logarithmic), with its band."""
    depths = [x for x, _ in series.points]
    chart = Chart(
        name,
        Axis("passages (k)", min(depths), max(depths), tuple(depths), log=True),
        _percent(label),
    )
    if series.band:
        lows = [(x, low) for x, (low, _) in zip(depths, series.band, strict=True)]
        highs = [(x, high) for x, (_, high) in zip(depths, series.band, strict=True)]
        chart.area([*lows, *reversed(highs)], "band")
    chart.line(series.points, "line")
    for place, (x, y) in enumerate(series.points):
        interval = series.band[place] if series.band else None
        between = f" ({interval[0]:.1f} to {interval[1]:.1f})" if interval else ""
        chart.dot(x, y, f"k = {x:g}: {y:.1f} %{between}")
    return chart.svg()


def risk_chart(risks: Sequence[float], coverage: float | None, points: int = 240) -> str:
    """Draw risk over coverage, both in per cent, and where the threshold puts the coverage.

    `risks` are those at coverages 1/n, 2/n, ..., 1, from 0 to 1.
    """
    n = len(risks)
    chosen = sorted(
        {round(i * (n - 1) / max(1, points - 1)) for i in range(points)} & set(range(n))
    )
    curve = [(100 * (i + 1) / n, 100 * risks[i]) for i in chosen]
    chart = Chart("Risk over coverage", _percent("questions answered (%)"), _percent("wrong (%)"))
    chart.area([(curve[0][0], 0), *curve, (100, 0)], "band")
    chart.line(curve, "line")
    if coverage:
        at = max(1, round(coverage * n / 100))
        chart.line([(coverage, 0), (coverage, 100)], "guide")
        risk = 100 * risks[at - 1]
        chart.dot(coverage, risk, f"threshold: {coverage:.1f} % answered, {risk:.1f} % wrong")
    return chart.svg()


def reliability_chart(bins: Sequence[Bin]) -> str:
    """Draw the share of right answers over their probability, in per cent, with 95 % intervals.

    The intervals are Wilson's (1927).
    """
    chart = Chart("Reliability", _percent("probability given (%)"), _percent("right (%)"))
    chart.line([(0, 0), (100, 100)], "guide")
    for own in bins:
        low, high = wilson(own.accuracy, own.n)
        x = 100 * own.probability
        chart.line([(x, 100 * low), (x, 100 * high)], "whisker")
    chart.line([(100 * own.probability, 100 * own.accuracy) for own in bins], "line thin")
    for own in bins:
        note = f"{100 * own.probability:.0f} % given, {100 * own.accuracy:.0f} % right, n {own.n}"
        chart.dot(100 * own.probability, 100 * own.accuracy, note)
    return chart.svg()


def wilson(share: float, n: int) -> Interval:
    """Return Wilson's 95 % interval of a share of `n`, both 0 to 1."""
    middle = share + _Z * _Z / (2 * n)
    half = _Z * math.sqrt(share * (1 - share) / n + _Z * _Z / (4 * n * n))
    scale = 1 + _Z * _Z / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
