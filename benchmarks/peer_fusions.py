"""The ways in which other systems make one ranking of BM25's and the vectors'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from retriever.bm25 import BM25
from retriever.dense import DENSE
from retriever.fusion import ConvexCombination, Fusion, ReciprocalRank
from retriever.ranking import Ranking


@dataclass(frozen=True, slots=True)
class DistributionBased:
    """Haystack 2's `distribution_based_rank_fusion`: the greater of a passage's scaled scores.

    A list is scaled so that three standard deviations below its mean are 0, and above it 1.
    """

    def fuse(self, components: Mapping[str, Ranking]) -> Ranking:
        """Return the union of the components' passages, best first, ties by passage id."""
        best: dict[int, float] = {}
        for ranking in components.values():
            scores = ranking.scores.astype(np.float64)
            if not len(scores):
                continue
            low, width = scores.mean() - 3 * scores.std(), 6 * scores.std()
            scaled = (scores - low) / width if width > 0 else np.zeros_like(scores)
            for number, score in zip(ranking.ids.tolist(), scaled.tolist(), strict=True):
                best[number] = max(score, best.get(number, score))
        order = sorted(best, key=lambda number: (-best[number], number))
        return Ranking(np.array(order, dtype=np.int64), np.array([best[n] for n in order]))


@dataclass(frozen=True, slots=True)
class Listed:
    """A fusion of the lists alone, without what is known of passages beyond them."""

    fusion: Fusion

    def fuse(self, components: Mapping[str, Ranking]) -> Ranking:
        """Return the union of the lists' passages, best first, ties by passage id."""
        return self.fusion.fuse(
            {name: replace(ranking, beyond=None) for name, ranking in components.items()}
        )


PEER_FUSIONS: dict[str, Fusion] = {
    "reciprocal rank (Haystack, LangChain)": ReciprocalRank(),
    "halves of min-max scores (OpenSearch)": Listed(ConvexCombination({BM25: 0.5, DENSE: 0.5})),
    "distribution-based (Haystack)": DistributionBased(),
}
