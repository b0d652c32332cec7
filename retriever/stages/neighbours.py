"""What stands before and after the best hits in their documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from indexing.documents import Passage
from indexing.index import Index
from retriever.hits import Component, Hit, Retriever, in_this_order

BESIDE = "beside"


class NeighbouringRetriever:
    """Puts the passages before and after each of the `best` first hits right after it.

    A passage that was found itself moves up there. Each has a component that gives the rank and
    score of the hit it stands beside.
    """

    def __init__(self, index: Index, retriever: Retriever, best: int) -> None:
        self._index = index
        self._retriever = retriever
        self._best = best

    def retrieve(self, questions: Sequence[str], k: int) -> list[list[Hit]]:
        """Return at most `k` hits for each question, neighbours among them, best first."""
        return [self._joined(hits)[:k] for hits in self._retriever.retrieve(questions, k)]

    def _joined(self, hits: Sequence[Hit]) -> list[Hit]:
        known = {hit.passage.id: hit for hit in hits}
        placed: dict[int, Hit] = {}
        for rank, hit in enumerate(hits, start=1):
            placed.setdefault(hit.passage.id, hit)
            for number in self._beside(hit.passage) if rank <= self._best else ():
                if number not in placed:
                    own = known.get(number) or Hit(self._index.passages[number], hit.score)
                    beside = {BESIDE: Component(rank, hit.score)}
                    components = {**own.components, **beside}
                    placed[number] = replace(own, score=hit.score, components=components)
        return in_this_order(list(placed.values()))

    def _beside(self, passage: Passage) -> list[int]:
        """Return the ids of the passages before and after one, as far as there are any."""
        # Ids run on into the next document, and a replaced document's old passages are still
        # there under its id: only its row tells which are its own.
        row = self._index.documents.row_of(passage.document_id)
        own = self._index.passages.of_document(row)
        return [number for number in (passage.id - 1, passage.id + 1) if number in own]
