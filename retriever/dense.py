"""Retrieval by meaning: the question's vector against the passages' vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from encoder.protocol import TextEncoder
from indexing.errors import InputError
from indexing.index import Index
from retriever.hits import Hit
from retriever.ranking import Ranking, hits

DENSE = "dense"


def check_encoder(index: Index, encoder: TextEncoder) -> None:
    """Refuse an index without vectors, or with those of another encoder."""
    record = index.manifest.vectors
    if record is None:
        raise InputError(
            f"{index.path} has no vectors; make them with "
            f"`qa index add-vectors --index {index.path}`, or use --retriever bm25."
        )
    if record.fingerprint != encoder.fingerprint:
        other = record.encoder != encoder.name
        whose = f"of the encoder {record.encoder!r}" if other else "of other weights"
        raise InputError(
            f"{index.path} has the vectors {whose}, not those of {encoder.name!r} as it is now; "
            "use that encoder, or make new vectors with "
            f"`qa index add-vectors --index {index.path}`."
        )


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The passages nearest to a question, and the question's vector, None if it is blank."""

    ranking: Ranking
    vector: NDArray[np.float32] | None

    def with_scores_of(self, ids: NDArray[np.int64], index: Index) -> Ranking:
        """Return the ranking and, beyond it, the scores of those `ids` that are not in it.

        Nothing is added where the index keeps no whole vectors to tell them by.
        """
        vectors = index.vectors
        if self.vector is None or vectors is None or not vectors.whole:
            return self.ranking
        others = np.setdiff1d(ids, self.ranking.ids)
        if not len(others):
            return self.ranking
        return replace(self.ranking, beyond=Ranking(others, vectors.at(others) @ self.vector))


def dense_neighbours(
    index: Index, encoder: TextEncoder, questions: Sequence[str], k: int
) -> list[Neighbours]:
    """Rank passages by the dot product of vectors, for each question; none for blank ones."""
    asked = [number for number, question in enumerate(questions) if question.strip()]
    empty = Ranking(np.empty(0, np.int64), np.empty(0, np.float32))
    found = [Neighbours(empty, None)] * len(questions)
    if asked and index.vectors is not None:
        vectors = encoder.encode_questions([questions[number] for number in asked])
        ids, scores = index.vectors.search(vectors, k)
        for number, vector, *row in zip(asked, vectors, ids, scores, strict=True):
            found[number] = Neighbours(Ranking.unpadded(*row), vector)
    return found


class DenseRetriever:
    """Finds passages whose vectors are near the question's. Safe to use from threads.

    The encoder must be the one that made the index's vectors.
    """

    def __init__(self, index: Index, encoder: TextEncoder) -> None:
        check_encoder(index, encoder)
        self._index = index
        self._encoder = encoder

    def retrieve(self, questions: Sequence[str], k: int) -> list[list[Hit]]:
        """Return at most `k` hits for each question, best first, ties by passage id."""
        found = dense_neighbours(self._index, self._encoder, questions, k)
        return [hits(self._index.passages, own.ranking, {DENSE: own.ranking}) for own in found]
