"""The best hits put in a new order by what reads question and passage together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from indexing.documents import Passage
from retriever.fusion import MIN_MAX, scaled
from retriever.hits import Component, Hit, Retriever

RERANKER = "reranker"


class RelevanceScorer(Protocol):
    """Tells how well passages fit their question."""

    def score(
        self, questions: Sequence[str], passages: Sequence[Sequence[Passage]]
    ) -> list[list[float]]:
        """Return a score for each passage of each question, greater for a better one.

        Scores need to compare within one question only. A passage that cannot be read gets -inf.
        """
        ...


class RerankingRetriever:
    """Reorders the first `depth` hits of another retriever. As safe to share as its scorer.

    The new score is `weight` times the scorer's and 1 - `weight` times the retriever's, both
    stretched to 0..1 within the first hits.
    """

    def __init__(
        self, retriever: Retriever, scorer: RelevanceScorer, depth: int, weight: float
    ) -> None:
        self._retriever = retriever
        self._scorer = scorer
        self._depth = depth
        self._weight = weight

    def retrieve(self, questions: Sequence[str], k: int) -> list[list[Hit]]:
        """Return at most `k` hits for each question, best first, ties in their former order."""
        found = self._retriever.retrieve(questions, max(k, self._depth))
        heads = [[hit.passage for hit in hits[: self._depth]] for hits in found]
        scores = self._scorer.score(questions, heads)
        return [
            reranked(hits, own, self._weight)[:k] for hits, own in zip(found, scores, strict=True)
        ]


def reranked(hits: Sequence[Hit], scores: Sequence[float], weight: float) -> list[Hit]:
    """Return hits reordered by `scores`, which are those of the first ones; the rest stay after.

    The new scores lie between the least and the greatest of the hits reordered, so that they
    compare with the rest's. With a weight of 0 nothing changes but the components.
    """
    head = hits[: len(scores)]
    if not head:
        return list(hits)
    given = np.array(scores, dtype=np.float64)
    readable = np.isfinite(given)
    given[~readable] = given[readable].min() if readable.any() else 0.0
    former = np.array([hit.score for hit in head])
    joined = (1 - weight) * scaled(former, MIN_MAX) + weight * scaled(given, MIN_MAX)
    stretched = former.min() + joined * (former.max() - former.min())
    ranks = np.empty(len(head), dtype=np.int64)
    ranks[np.argsort(-given, kind="stable")] = np.arange(1, len(head) + 1)
    new = [
        replace(
            hit,
            score=float(stretched[place]),
            components={
                **hit.components,
                RERANKER: Component(int(ranks[place]), float(given[place])),
            },
        )
        for place, hit in enumerate(head)
    ]
    order = np.argsort(-joined, kind="stable")
    return [new[place] for place in order.tolist()] + list(hits[len(head) :])
