"""Iterative retrieval over a graph: from the entities of the first hits on to their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from encoder.protocol import TextEncoder
from indexing.documents import Passage
from indexing.graph.facts import ENTITY
from indexing.graph.verbalising import document_id
from indexing.index import Index
from retriever.graph import GraphView
from retriever.hits import Component, Hit, Retriever
from retriever.paths import SentencePaths, walk

NEIGHBOURS = "neighbours"
_ENTITIES = 3  # of the first hits that are left
_STEPS = 2  # relations that are followed from each, those nearest to the question
_ENDS = 20  # neighbours of each relation
_PASSAGES = 2  # of each neighbour


class HopRetriever:
    """Adds passages of neighbours to another retriever's hits. Safe to use from threads.

    In each further hop the entities of the first hits are left by the relations whose sentences
    are nearest to the question; the passages of the neighbours, ranked by their own nearness,
    take every second place among the hits.
    """

    def __init__(
        self, index: Index, retriever: Retriever, encoder: TextEncoder, view: GraphView, hops: int
    ) -> None:
        self._index = index
        self._retriever = retriever
        self._encoder = encoder
        self._view = view
        self._paths = SentencePaths(encoder)
        self._hops = hops

    def retrieve(self, questions: Sequence[str], k: int) -> list[list[Hit]]:
        """Return at most `k` hits for each question, those of the last hops among them."""
        return [
            self._further(question, hits, k)
            for question, hits in zip(
                questions, self._retriever.retrieve(questions, k), strict=True
            )
        ]

    def _further(self, question: str, hits: list[Hit], k: int) -> list[Hit]:
        left = self._entities(hits)
        asked = self._encoder.encode([question])[0]
        for _ in range(1, self._hops):
            neighbours: dict[str, None] = {}
            for key in left[:_ENTITIES]:
                scored = self._paths.score(question, self._view, key, 1)[:_STEPS]
                for path, _ in scored:
                    for end in walk(self._view, key, path)[:_ENDS]:
                        if not end.place.literal:
                            neighbours[end.place.key] = None
            known = {hit.passage.id for hit in hits}
            passages = [p for p in self._passages(neighbours) if p.id not in known]
            if not passages:
                break
            vectors = self._encoder.encode([f"{p.title}. {p.text}" for p in passages])
            scores = vectors @ asked
            order = np.argsort(-scores, kind="stable")[:k]
            new = [
                Hit(passages[i], 0.0, {NEIGHBOURS: Component(rank, float(scores[i]))})
                for rank, i in enumerate(order.tolist(), start=1)
            ]
            hits = _interleaved(hits, new, k)
            left = self._entities(new)
        return hits

    def _entities(self, hits: Sequence[Hit]) -> list[str]:
        """Return the entities whose documents were hit, in order."""
        found: dict[str, None] = {}
        for hit in hits:
            key = self._index.documents.get(hit.passage.document_id).metadata.get(ENTITY)
            if key is not None:
                found[key] = None
            if len(found) == _ENTITIES:
                break
        return list(found)

    def _passages(self, keys: dict[str, None]) -> list[Passage]:
        ids: list[int] = []
        for key in keys:
            name = document_id(key)
            if name in self._index.documents:
                row = self._index.documents.row_of(name)
                ids += self._index.passages.of_document(row)[:_PASSAGES]
        return self._index.passages.get(ids)


def _interleaved(first: Sequence[Hit], second: Sequence[Hit], k: int) -> list[Hit]:
    """Take hits in turn and score them by that order."""
    pairs = zip_longest(first, second)
    chosen = [hit for pair in pairs for hit in pair if hit is not None][:k]
    return [Hit(hit.passage, 1 / rank, hit.components) for rank, hit in enumerate(chosen, start=1)]
