"""Retrievers by name."""

from __future__ import annotations

from encoder.protocol import TextEncoder
from indexing.errors import InputError
from indexing.index import Index
from retriever.bm25 import BM25Retriever
from retriever.dense import DenseRetriever
from retriever.hits import Retriever
from retriever.hybrid import HybridRetriever

KINDS = ("hybrid", "bm25", "dense")


def default_kind(index: Index) -> str:
    """Return the best kind that the index allows: "bm25" when it has no vectors."""
    return "bm25" if index.manifest.vectors is None else "hybrid"


def open_retriever(index: Index, kind: str, encoder: TextEncoder | None = None) -> Retriever:
    """Return the retriever of this kind; all but "bm25" need the encoder of the index's vectors."""
    if kind == "bm25":
        return BM25Retriever(index)
    if kind not in KINDS:
        raise InputError(f"The retriever {kind!r} is not known; choose one of {', '.join(KINDS)}.")
    if encoder is None:
        raise InputError(f"The retriever {kind!r} needs an encoder; load one, or choose 'bm25'.")
    return DenseRetriever(index, encoder) if kind == "dense" else HybridRetriever(index, encoder)
