"""Answering only when sure: risk against coverage, and whether probabilities are what they say.

The risk-coverage curve orders the questions by the probability of their answers; at coverage c
the risk is the share of wrong answers among the most probable c of the questions (El-Yaniv and
Wiener 2010). Its area (AURC; Geifman and El-Yaniv 2017) is the mean risk over the coverages
1/n, 2/n, ..., 1. Of equal probabilities each counts as their mean, so that no order is favoured.

The expected calibration error (ECE) is the mean gap between probability and accuracy over bins
of equal mass (Guo et al. 2017, section 2), as `reader.calibrator_fitting` has it. It is never
negative, so even perfect probabilities have some: `floor` is the mean ECE of labels drawn from
the probabilities themselves (Bröcker and Smith 2007), what would be left if they were true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from pipelines.statistics import Interval, bootstrap_intervals, bootstrap_of

_DRAWS = 200  # label sets for the floor
_BINS = 15
_Floats = NDArray[np.float64]


class SelectiveIntervals(TypedDict):
    """95 % intervals of the scores of the same names.

    That of `ece` lies high, for the ECE of a resample is itself raised by chance.
    """

    aurc: Interval
    ece: Interval
    coverage: NotRequired[Interval]
    exact_match: NotRequired[Interval]


class SelectiveScores(TypedDict):
    """`aurc` (0 to 1, less is better), `ece` and its `floor` (0 to 1), over `n` questions.

    With a threshold: `coverage`, the per cent of questions with an answer at least so probable,
    and `exact_match`, the per cent of right ones among those answers, missing if there are none.
    """

    aurc: float
    ece: float
    floor: float
    mean_probability: float
    n: int
    threshold: NotRequired[float]
    coverage: NotRequired[float]
    exact_match: NotRequired[float]
    ci95: SelectiveIntervals


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of similar probability: their number, mean probability and share of right ones."""

    n: int
    probability: float
    accuracy: float


def risk_coverage(probabilities: Sequence[float], right: Sequence[float]) -> _Floats:
    """Return the risk at coverages 1/n, 2/n, ..., 1: (n,), 0 to 1."""
    values, labels = _ordered(probabilities, right)
    curve: _Floats = _risks(values[None], labels[None])[0]
    return curve


def _ordered(probabilities: Sequence[float], right: Sequence[float]) -> tuple[_Floats, _Floats]:
    """Return probabilities and labels, the most probable first."""
    values = np.asarray(probabilities, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    return values[order], np.asarray(right, dtype=np.float64)[order]


def _risks(values: _Floats, labels: _Floats) -> _Floats:
    """Return the risk curve of each row of questions, the most probable first: (rows, n)."""
    places = np.broadcast_to(np.arange(labels.shape[1]), labels.shape)
    changed = values[:, 1:] != values[:, :-1]
    ends = np.ones((len(labels), 1), dtype=bool)
    # The first and the last place of the run of equal probabilities that each place is in.
    first = np.maximum.accumulate(np.where(np.hstack([ends, changed]), places, 0), axis=1)
    last = np.where(np.hstack([changed, ends]), places, labels.shape[1])
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    right = np.hstack([np.zeros((len(labels), 1)), np.cumsum(labels, axis=1)])
    before = np.take_along_axis(right, first, axis=1)
    of_run = np.take_along_axis(right, last + 1, axis=1) - before
    shared = before + of_run * (places - first + 1) / (last - first + 1)
    risks: _Floats = 1 - shared / (places + 1)
    return risks


def _calibration_errors(values: _Floats, labels: _Floats) -> _Floats:
    """Return the ECE of each row of questions, the most probable first: (rows,)."""
    n = values.shape[1]
    bins = [len(part) for part in np.array_split(np.arange(n), min(_BINS, n))]
    starts = np.cumsum([0, *bins[:-1]])
    gaps = np.add.reduceat((values - labels)[:, ::-1], starts, axis=1)
    errors: _Floats = np.abs(gaps).sum(axis=1) / n
    return errors


def reliability_bins(
    probabilities: Sequence[float], right: Sequence[float], bins: int = 10
) -> list[Bin]:
    """Return bins of equal mass, the least probable first; fewer if there are fewer answers."""
    values, labels = _ordered(probabilities, right)
    parts = np.array_split(np.arange(len(values))[::-1], min(bins, len(values)))
    return [Bin(len(p), float(values[p].mean()), float(labels[p].mean())) for p in parts]


def selective_scores(
    probabilities: Sequence[float], right: Sequence[float], threshold: float | None = None
) -> SelectiveScores:
    """Score probabilities (0 where there is no answer) by labels, 1 right and 0 wrong.

    Raises:
        ValueError: there is no question.
    """
    if not len(right):
        raise ValueError("selective_scores needs at least one question")
    values, labels = _ordered(probabilities, right)
    n = len(labels)
    drawn = np.random.default_rng(0).random((_DRAWS, n)) < values
    scores: SelectiveScores = {
        "aurc": float(_risks(values[None], labels[None]).mean()),
        "ece": float(_calibration_errors(values[None], labels[None])[0]),
        "floor": float(
            _calibration_errors(np.tile(values, (_DRAWS, 1)), drawn.astype(np.float64)).mean()
        ),
        "mean_probability": float(values.mean()),
        "n": n,
        "ci95": {
            # Positions come in ascending order, so the most probable stay first.
            "aurc": bootstrap_of(lambda d: _risks(values[d], labels[d]).mean(axis=1), n),
            "ece": bootstrap_of(lambda d: _calibration_errors(values[d], labels[d]), n),
        },
    }
    if threshold is not None:
        _add_threshold(scores, values, labels, threshold)
    return scores


def _add_threshold(
    scores: SelectiveScores, values: _Floats, labels: _Floats, threshold: float
) -> None:
    answered = values >= threshold
    scores["threshold"] = threshold
    scores["coverage"] = float(answered.mean() * 100)
    scores["ci95"]["coverage"] = bootstrap_intervals({"": answered * 100.0})[""]
    if answered.any():
        kept = labels[answered] * 100
        scores["exact_match"] = float(kept.mean())
        scores["ci95"]["exact_match"] = bootstrap_intervals({"": kept})[""]
