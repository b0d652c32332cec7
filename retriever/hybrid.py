"""Retrieval by words and by meaning together."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from encoder import cpu
from encoder.protocol import TextEncoder
from indexing.index import Index
from retriever.bm25 import BM25, bm25_rankings
from retriever.dense import DENSE, check_encoder, dense_neighbours
from retriever.fusion import Fusion, LearnedCombination
from retriever.hits import Hit
from retriever.ranking import hits

_DEPTH = 100
# Learned by `benchmarks/fusion.py` on three development sets (benchmarks/results/retrieval.md).
_BY_LEADS = LearnedCombination(BM25, DENSE, bias=0.659, weights=(-3.487, 0.491))


class HybridRetriever:
    """Fuses the rankings of BM25 and of vectors. Safe to use from threads.

    Each component ranks at least 100 passages, so that one that both place low can still win. Of
    those that only BM25 ranks, the vectors tell how far below their own last they are: a look at
    vectors that are there, which finds more right passages (benchmarks/results/retrieval.md).
    """

    def __init__(self, index: Index, encoder: TextEncoder, fusion: Fusion = _BY_LEADS) -> None:
        check_encoder(index, encoder)
        self._index = index
        self._encoder = encoder
        self._fusion = fusion
        self._beside = ThreadPoolExecutor(cpu.threads(), thread_name_prefix="bm25")

    def retrieve(self, questions: Sequence[str], k: int) -> list[list[Hit]]:
        """Return at most `k` hits for each question, best first, ties by passage id."""
        depth = max(k, _DEPTH)
        # One question's vector is made by one core, so that another is free for BM25.
        lexical = self._beside.submit(bm25_rankings, self._index, questions, depth)
        dense = dense_neighbours(self._index, self._encoder, questions, depth)
        found = []
        for words, near in zip(lexical.result(), dense, strict=True):
            components = {BM25: words, DENSE: near.with_scores_of(words.ids, self._index)}
            fused = self._fusion.fuse(components).best(k)
            found.append(hits(self._index.passages, fused, components))
        return found
