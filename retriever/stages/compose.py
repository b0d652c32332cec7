"""Which stages follow retrieval, and how they are put around a retriever."""

from __future__ import annotations

from dataclasses import dataclass, fields

from indexing.errors import InputError
from indexing.index import Index
from retriever.hits import Retriever
from retriever.stages.duplicates import CollapsingRetriever
from retriever.stages.neighbours import NeighbouringRetriever
from retriever.stages.per_document import PerDocumentRetriever
from retriever.stages.reranking import RelevanceScorer, RerankingRetriever


@dataclass(frozen=True, slots=True)
class StageSettings:
    """What follows retrieval; by default nothing.

    Attributes:
        rerank: what scores the first hits again: "reader" (its relevance head), or a
            cross-encoder's folder or name.
        rerank_depth: how many of the first hits it scores.
        rerank_weight: its share in the new score, from 0 to 1; the rest is the retriever's.
        collapse_duplicates: whether hits of (nearly) the same text become one.
        alike: the Jaccard similarity of word runs from which texts are nearly the same.
        per_document: at most so many passages of a document come first.
        neighbours: so many of the first hits bring the passages before and after them.
    """

    rerank: str | None = None
    rerank_depth: int = 50
    rerank_weight: float = 0.5
    collapse_duplicates: bool = False
    alike: float = 0.8
    per_document: int | None = None
    neighbours: int = 0

    def __post_init__(self) -> None:
        if self.rerank_depth < 1 or (self.per_document is not None and self.per_document < 1):
            raise InputError("rerank_depth and per_document must be 1 or more.")
        if self.neighbours < 0:
            raise InputError("neighbours must be 0 or more.")
        if not 0 <= self.rerank_weight <= 1 or not 0 < self.alike <= 1:
            raise InputError("rerank_weight and alike must be shares from 0 to 1, alike above 0.")

    def chosen(self) -> dict[str, str]:
        """Return what differs from the defaults, in words, for the notes of a run."""
        plain = StageSettings()
        names = [field.name for field in fields(self)]
        return {
            name.replace("_", " "): str(getattr(self, name))
            for name in names
            if getattr(self, name) != getattr(plain, name)
        }


def with_stages(
    index: Index, retriever: Retriever, settings: StageSettings, scorer: RelevanceScorer | None
) -> Retriever:
    """Return a retriever with the stages that the settings ask for, in their fixed order.

    Duplicates go first, so that none is scored; neighbours come last, since they are there for
    what they stand beside. `scorer` is what `settings.rerank` names; None leaves reranking out.
    """
    if settings.collapse_duplicates:
        retriever = CollapsingRetriever(retriever, settings.alike)
    if scorer is not None:
        retriever = RerankingRetriever(
            retriever, scorer, settings.rerank_depth, settings.rerank_weight
        )
    if settings.per_document is not None:
        retriever = PerDocumentRetriever(retriever, settings.per_document)
    if settings.neighbours:
        retriever = NeighbouringRetriever(index, retriever, settings.neighbours)
    return retriever
