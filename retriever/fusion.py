"""Several rankings of the same passages made one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retriever.ranking import Ranking


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
    """Adds up scores, each component's stretched to 0..1 over its list, times its weight.

    A passage that a component did not find gets 0 from it, like the last that it found.
    """

    weights: Mapping[str, float]

    def fuse(self, components: Mapping[str, Ranking]) -> Ranking:
        """Return the union of the components' passages, best first, ties by passage id."""
        return _add_up(
            [
                (ranking.ids, self.weights[name] * _stretched(ranking.scores))
                for name, ranking in components.items()
            ]
        )


def _stretched(scores: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
    values = scores.astype(np.float64)
    if not len(values):
        return values
    least, most = values.min(), values.max()
    # A list whose scores are all the same says that it found them, and nothing else.
    return (values - least) / (most - least) if most > least else np.ones_like(values)


def _add_up(parts: list[tuple[NDArray[np.int64], NDArray[np.float64]]]) -> Ranking:
    ids, place = np.unique(np.concatenate([ids for ids, _ in parts]), return_inverse=True)
    scores = np.bincount(place, np.concatenate([scores for _, scores in parts]), len(ids))
    order = np.argsort(-scores, kind="stable")
    return Ranking(ids[order], scores[order].astype(np.float64))
