"""BM25 over texts in memory, for finding hard negatives; an index is for what lasts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def rank_texts(texts: Sequence[str], questions: Sequence[str], depth: int) -> NDArray[np.int64]:
    """Return the numbers of the best texts for each question, best first.

    The shape is (questions, depth), or narrower if there are fewer texts.
    """
    import bm25s

    corpus = bm25s.tokenize(list(texts), stopwords="en", show_progress=False)
    index = bm25s.BM25(k1=0.9, b=0.4, method="lucene", backend="numba")
    index.index(corpus, show_progress=False)
    asked = bm25s.tokenize(list(questions), stopwords="en", show_progress=False)
    found, _ = index.retrieve(asked, k=min(depth, len(texts)), show_progress=False)
    return np.asarray(found, dtype=np.int64)
