"""Several rankings of the same passages made one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retriever.ranking import Ranking

_Scores = NDArray[np.float32] | NDArray[np.float64]
MIN_MAX, Z_SCORE = "min-max", "z-score"
_FEW = 10
# Of how far a passage is below a list's last, half counts: chosen among 0, 1/4, 1/2 and 1 on
# development sets (benchmarks/results/retrieval.md).
_BELOW = 0.5


class Fusion(Protocol):
    """Makes one ranking of the components' rankings."""

    def fuse(self, components: Mapping[str, Ranking]) -> Ranking:
        """Return the union of the components' passages, best first, ties by passage id."""
        ...


@dataclass(frozen=True, slots=True)
class ReciprocalRank:
    """Adds up 1 / (constant + rank) (Cormack, Clarke and Büttcher 2009): scores do not matter."""

    constant: float = 60.0

    def fuse(self, components: Mapping[str, Ranking]) -> Ranking:
        """Return the union of the components' passages, best first, ties by passage id."""
        return _add_up(
            [
                (ranking.ids, 1 / (self.constant + np.arange(1, len(ranking.ids) + 1)))
                for ranking in components.values()
            ]
        )


@dataclass(frozen=True, slots=True)
class ConvexCombination:
    """Adds up scores, brought to one scale within each component's list, times its weight.

    "min-max" stretches a list's scores to 0..1; "z-score" counts standard deviations above the
    list's last. A passage that a component did not find gets 0 from it, like the last it found,
    or less where its score is known (`Ranking.beyond`): half of how far it is below.
    """

    weights: Mapping[str, float]
    scale: str = MIN_MAX

    def fuse(self, components: Mapping[str, Ranking]) -> Ranking:
        """Return the union of the components' passages, best first, ties by passage id."""
        parts = []
        for name, ranking in components.items():
            weight = self.weights[name]
            parts.append((ranking.ids, weight * scaled(ranking.scores, self.scale)))
            if ranking.beyond is not None:
                below = scaled(ranking.beyond.scores, self.scale, ranking.scores)
                parts.append((ranking.beyond.ids, _BELOW * weight * below))
        return _add_up(parts)


@dataclass(frozen=True, slots=True)
class LearnedCombination:
    """A convex combination of two components whose weights depend on the question.

    The weight of `second` is the logistic function of `bias` plus the sum of `weights` times
    `features`. `benchmarks/fusion.py` learns them.
    """

    first: str
    second: str
    bias: float
    weights: tuple[float, ...]
    scale: str = MIN_MAX

    def fuse(self, components: Mapping[str, Ranking]) -> Ranking:
        """Return the union of the components' passages, best first, ties by passage id."""
        values = features(components[self.first], components[self.second])
        share = 1 / (1 + np.exp(-(self.bias + values @ np.array(self.weights))))
        weights = {self.first: 1 - share, self.second: share}
        return ConvexCombination(weights, self.scale).fuse(components)


FEATURES = ("first's lead", "second's lead")


def features(first: Ranking, second: Ranking) -> NDArray[np.float64]:
    """Return what is cheap to know of two rankings, in the order of FEATURES.

    A lead is how far the best is above the tenth, as a share of the best: it says how sure a
    component is, whatever the scale of its scores.
    """
    return np.array([_lead(first), _lead(second)])


def _lead(ranking: Ranking) -> float:
    few = ranking.scores[:_FEW].astype(np.float64)
    return float((few[0] - few[-1]) / few[0]) if len(few) and few[0] > 0 else 0.0


def scaled(scores: _Scores, scale: str, within: _Scores | None = None) -> NDArray[np.float64]:
    """Return scores above a list's last, in its ranges ("min-max") or deviations.

    The list is `within`, or the scores themselves.
    """
    values = scores.astype(np.float64)
    whole = values if within is None else within.astype(np.float64)
    if not len(whole):
        return np.zeros_like(values)
    lowest = float(whole.min())
    unit = float(whole.std() if scale == Z_SCORE else whole.max() - lowest)
    if unit > 0:
        return (values - lowest) / unit
    # A list whose scores are all the same says that it found them, and nothing else.
    return np.full_like(values, 1.0 if within is None else 0.0)


def _add_up(parts: list[tuple[NDArray[np.int64], NDArray[np.float64]]]) -> Ranking:
    ids, place = np.unique(np.concatenate([ids for ids, _ in parts]), return_inverse=True)
    scores = np.bincount(place, np.concatenate([scores for _, scores in parts]), len(ids))
    order = np.argsort(-scores, kind="stable")
    return Ranking(ids[order], scores[order].astype(np.float64))
