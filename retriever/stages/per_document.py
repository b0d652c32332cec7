"""Hits spread over documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from retriever.hits import Hit, Retriever, in_this_order

_POOL = 4  # times k


class PerDocumentRetriever:
    """Lets at most `most` passages of a document be among the first `k`.

    The others come after; they are among the `k` only if the first 4 times `k` hits of the other
    retriever have nothing else.
    """

    def __init__(self, retriever: Retriever, most: int) -> None:
        self._retriever = retriever
        self._most = most

    def retrieve(self, questions: Sequence[str], k: int) -> list[list[Hit]]:
        """Return at most `k` hits for each question, best first."""
        found = self._retriever.retrieve(questions, _POOL * k)
        return [spread(hits, self._most)[:k] for hits in found]


def spread(hits: Sequence[Hit], most: int) -> list[Hit]:
    """Return the hits, those beyond the first `most` of their document after all others."""
    first: list[Hit] = []
    rest: list[Hit] = []
    counts: Counter[str] = Counter()
    for hit in hits:
        counts[hit.passage.document_id] += 1
        (first if counts[hit.passage.document_id] <= most else rest).append(hit)
    return in_this_order([*first, *rest])
