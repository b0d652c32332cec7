"""Retrieval by shared words."""

from __future__ import annotations

from collections.abc import Sequence

from indexing.index import Index
from retriever.hits import Hit
from retriever.ranking import Ranking, hits

BM25 = "bm25"


def bm25_rankings(index: Index, questions: Sequence[str], k: int) -> list[Ranking]:
    """Rank passages by BM25, for each question."""
    ids, scores = index.lexical.search(questions, k)
    return [Ranking.unpadded(*row) for row in zip(ids, scores, strict=True)]


class BM25Retriever:
    """Finds passages that share words with a question. Safe to use from threads."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def retrieve(self, questions: Sequence[str], k: int) -> list[list[Hit]]:
        """Return at most `k` hits for each question, best first, ties by passage id."""
        rankings = bm25_rankings(self._index, questions, k)
        return [hits(self._index.passages, ranking, {BM25: ranking}) for ranking in rankings]
