"""Intervals and percentiles of measurements, the same for the same numbers each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
Interval = tuple[float, float]

_CELLS = 1 << 22  # at most this many counts in memory at once


class LatencyIntervals(TypedDict):
    """95 % intervals of the percentiles of the same names."""

    p50: Interval
    p95: Interval


class Latency(TypedDict):
    """Percentiles of the time for one question, in milliseconds, over `n` timed questions."""

    p50: float
    p95: float
    n: int
    ci95: LatencyIntervals


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """How much better the first of two systems is on the same questions.

    `low` and `high` bound the 95 % interval. `p_value` is two-sided: twice the share of the
    resamples in which the sign is the other one, or the difference is gone.
    """

    difference: float
    low: float
    high: float
    p_value: float


def _resampled_means(values: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Return means of resamples with replacement: values (n, m) -> (resamples, m)."""
    n = len(values)
    generator = np.random.default_rng(seed)
    means = np.empty((resamples, values.shape[1]))
    step = max(1, _CELLS // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        # How often each value was drawn in each resample; all columns share the draws.
        drawn = generator.integers(n, size=(rows, n)) + np.arange(rows)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
        means[start : start + rows] = counts @ values / n
    return means


def bootstrap_intervals(
    columns: Mapping[str, ArrayLike],
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return percentile bootstrap intervals of the means of columns with a value per question.

    All columns have the same questions, at least one, and share the resamples.
    """
    values = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns.values()])
    means = _resampled_means(values, resamples, seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return dict(zip(columns, zip(low.tolist(), high.tolist(), strict=True), strict=True))


def macro_intervals(
    sets: Sequence[Mapping[str, ArrayLike]], *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Interval]:
    """Return 95 % intervals of macro averages: the mean over sets of each set's mean.

    Every set counts alike, however large, and is resampled by itself: the interval says how sure
    the average over these sets is, not over further ones. All sets have the same columns.
    """
    names = list(sets[0])
    total = np.zeros((resamples, len(names)))
    for number, columns in enumerate(sets):
        values = np.column_stack([np.asarray(columns[name], dtype=np.float64) for name in names])
        total += _resampled_means(values, resamples, seed + number)
    low, high = np.quantile(total / len(sets), [0.025, 0.975], axis=0)
    return dict(zip(names, zip(low.tolist(), high.tolist(), strict=True), strict=True))


def bootstrap_of(
    statistic: Callable[[NDArray[np.int64]], NDArray[np.float64]],
    n: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the 95 % percentile bootstrap interval of a statistic that is no mean.

    `statistic` gets resamples as the positions drawn, each row in ascending order, (rows, n), and
    returns a value for each, (rows,).
    """
    generator = np.random.default_rng(seed)
    step = max(1, _CELLS // n)
    values = []
    for start in range(0, resamples, step):
        drawn = generator.integers(n, size=(min(step, resamples - start), n), dtype=np.int64)
        values.append(statistic(np.sort(drawn, axis=1)))
    low, high = np.quantile(np.concatenate(values), [0.025, 0.975])
    return float(low), float(high)


def paired_bootstrap(
    first: ArrayLike, second: ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> PairedDifference:
    """Compare two systems by one value each per question, questions in the same order."""
    a, b = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise ValueError("paired_bootstrap needs two lists of the same length, not empty")
    differences = (a - b).reshape(-1, 1)
    means = _resampled_means(differences, resamples, seed)[:, 0]
    low, high = np.quantile(means, [0.025, 0.975])
    tail = min(float(np.mean(means <= 0)), float(np.mean(means >= 0)))
    return PairedDifference(float(np.mean(differences)), float(low), float(high), min(1, 2 * tail))


def latency_percentiles(seconds: Sequence[float]) -> Latency:
    """Return the median and the 95th percentile of times in seconds, as milliseconds."""
    times = np.sort(np.asarray(seconds, dtype=np.float64)) * 1000
    p50, p95 = np.percentile(times, [50, 95])

    def interval(percentile: int) -> Interval:
        return bootstrap_of(
            lambda drawn: np.percentile(times[drawn], percentile, axis=1), len(times)
        )

    return {
        "p50": float(p50),
        "p95": float(p95),
        "n": len(times),
        "ci95": {"p50": interval(50), "p95": interval(95)},
    }
