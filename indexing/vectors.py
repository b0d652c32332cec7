"""Passage vectors: a plain FAISS file of any kind, memory-mapped.

Half-precision values halve the file and the time of a search, and find 99.9% of what single
precision finds. Ids are the passages' own. See `vectors_kinds` for what FAISS makes of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexing.errors import QAError
from indexing.faiss_library import load_faiss
from indexing.vectors_gpu import on_gpu, whole_vectors
from indexing.vectors_tuning import set_parameters, use_all_cores

VECTORS = "vectors.faiss"


class Stored(Protocol):
    """Vectors that are kept whole, in the order of passages."""

    def stored(self, first: int, last: int) -> NDArray[np.float32]:
        """Return a range of the vectors themselves."""
        ...


class Vectors(Stored, Protocol):
    """The vectors of an index, of one segment or of several. Safe to use from threads.

    The vectors themselves can only be had where they are kept `whole`.
    """

    def __len__(self) -> int: ...

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        ...

    @property
    def whole(self) -> bool:
        """Whether the vectors themselves are kept, in half precision."""
        ...

    def ids(self) -> NDArray[np.int64]:
        """Return the passage ids in the order of the file."""
        ...

    def at(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of passages: (len(ids), dimension)."""
        ...

    def search(
        self, vectors: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids and dot products of shape (len(vectors), k), best first, ties by id."""
        ...


class VectorIndex:
    """Finds passages whose vectors are nearest by dot product. Safe to use from threads.

    `parameters` are FAISS' own for a search, as the manifest has them.
    """

    def __init__(self, path: Path, parameters: str = "") -> None:
        faiss = load_faiss()

        try:
            self._index: Any = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
            set_parameters(self._index, parameters)
            use_all_cores(self._index)
        except RuntimeError as error:
            raise QAError(f"{path} is damaged; run `qa index add-vectors` again.") from error
        gpu = on_gpu(self._index)
        self._searched: Any = self._index if gpu is None else gpu

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self._index.d)

    def ids(self) -> NDArray[np.int64]:
        """Return the passage ids in the order of the file."""
        faiss = load_faiss()

        if not isinstance(self._index, faiss.IndexIDMap):
            return np.arange(len(self))
        ids: NDArray[np.int64] = faiss.vector_to_array(self._index.id_map)
        return ids

    @property
    def whole(self) -> bool:
        """Whether the file keeps the vectors themselves, in half precision."""
        return whole_vectors(self._index) is not None

    def stored(self, first: int, last: int) -> NDArray[np.float32]:
        """Return a range of the vectors themselves, which the index must keep `whole`."""
        vectors: NDArray[np.float32] = self._source().reconstruct_n(first, last - first)
        return vectors

    def at(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of passages, which the index must keep `whole`: (len(ids), d)."""
        vectors: NDArray[np.float32] = self._source().reconstruct_batch(ids)
        return vectors

    def _source(self) -> Any:
        source = whole_vectors(self._index)
        if source is None:
            raise ValueError("the index keeps no whole vectors")
        return source

    def search(
        self, vectors: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids and dot products of shape (len(vectors), k), best first, ties by id.

        Rows are padded with id -1 and score 0 when there are fewer than `k` passages.
        """
        shape = (len(vectors), k)
        if 0 in shape or not len(self):
            return np.full(shape, -1, np.int64), np.zeros(shape, np.float32)
        scores, ids = self._searched.search(np.ascontiguousarray(vectors, np.float32), k)
        scores[ids < 0] = -np.inf
        order = np.lexsort((ids, -scores), axis=1)
        ids, scores = np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)
        scores[ids < 0] = 0
        return ids, scores
