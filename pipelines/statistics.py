"""Intervals and percentiles of measurements, the same for the same numbers each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
Interval = tuple[float, float]

_CELLS = 1 << 22  # at most this many counts in memory at once


class Latency(TypedDict):
    """Percentiles of the time for one question, in milliseconds."""

    p50: float
    p95: float


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
    p50, p95 = np.percentile(np.asarray(seconds, dtype=np.float64), [50, 95]) * 1000
    return {"p50": float(p50), "p95": float(p95)}
