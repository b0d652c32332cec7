"""The stages that follow retrieval, opened by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retriever.stages.compose import StageSettings, with_stages
from retriever.stages.cross_encoder import READER, load_cross_encoder

if TYPE_CHECKING:
    from indexing.index import Index
    from retriever.hits import Retriever
    from retriever.stages.reranking import RelevanceScorer


def open_stages(
    index: Index,
    retriever: Retriever,
    settings: StageSettings,
    device: str = "auto",
    precision: str = "auto",
    reader: RelevanceScorer | None = None,
) -> Retriever:
    """Return the retriever with the stages that the settings ask for.

    `reader` is what scores for `rerank="reader"`; None takes the bundled one.

    Raises:
        InputError: there is no such reranker.
    """
    scorer = None
    if settings.rerank is not None:
        scorer = open_scorer(settings.rerank, device, precision, reader)
    return with_stages(index, retriever, settings, scorer)


def open_scorer(
    name: str, device: str = "auto", precision: str = "auto", reader: RelevanceScorer | None = None
) -> RelevanceScorer:
    """Return the reader's relevance head for "reader", else the cross-encoder of that name."""
    if name != READER:
        return load_cross_encoder(name, device, precision)
    if reader is not None:
        return reader
    from reader.load import load_reader

    return load_reader(None, device, precision).reader
