"""Ranked passage ids of one question, and how they become hits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexing.passage_store import PassageStore
from retriever.hits import Component, Hit


@dataclass(frozen=True, slots=True)
class Ranking:
    """Passage ids and their scores, best first.

    `beyond` holds scores that are known of passages below the last, in no order.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32] | NDArray[np.float64]
    beyond: Ranking | None = None

    @classmethod
    def unpadded(cls, ids: NDArray[np.int64], scores: NDArray[np.float32]) -> Ranking:
        """Leave out the ids of -1 that an index fills its rows with."""
        found = ids >= 0
        return cls(ids[found], scores[found])

    def best(self, k: int) -> Ranking:
        """Return the first `k`."""
        return Ranking(self.ids[:k], self.scores[:k])


def hits(passages: PassageStore, ranking: Ranking, components: Mapping[str, Ranking]) -> list[Hit]:
    """Return the ranking's hits, each with its rank and score in the components that found it."""
    places = {name: _places(component) for name, component in components.items()}
    ids = ranking.ids.tolist()
    return [
        Hit(
            passage,
            score,
            {name: found[number] for name, found in places.items() if number in found},
        )
        for number, passage, score in zip(
            ids, passages.get(ids), ranking.scores.tolist(), strict=True
        )
    ]


def _places(ranking: Ranking) -> dict[int, Component]:
    numbered = enumerate(zip(ranking.ids.tolist(), ranking.scores.tolist(), strict=True), 1)
    return {number: Component(rank, score) for rank, (number, score) in numbered}
