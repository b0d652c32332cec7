"""BM25 over texts in memory, for finding hard negatives; an index is for what lasts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def rank_texts(texts: Sequence[str], questions: Sequence[str], depth: int) -> NDArray[np.int64]:
    """Return the numbers of the best texts for each question, best first.

    The shape is (questions, depth), or narrower if there are fewer texts.
    """
    bm25s = _bm25s()
    corpus = bm25s.tokenize(list(texts), stopwords="en", show_progress=False)
    index = bm25s.BM25(k1=0.9, b=0.4, method="lucene", backend="numba")
    index.index(corpus, show_progress=False)
    asked = bm25s.tokenize(list(questions), stopwords="en", show_progress=False)
    found, _ = index.retrieve(asked, k=min(depth, len(texts)), show_progress=False)
    return np.asarray(found, dtype=np.int64)


def _bm25s() -> Any:
    """Import bm25s without JAX, which it looks for and we never use.

    Where JAX is installed and finds a GPU, its import takes three quarters of the GPU's memory,
    and models find none.
    """
    hidden = "jax" not in sys.modules
    if hidden:
        sys.modules["jax"] = None  # type: ignore[assignment] # an import of it now fails
    try:
        import bm25s
    finally:
        if hidden:
            del sys.modules["jax"]
    return bm25s
