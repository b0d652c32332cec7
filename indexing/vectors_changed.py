"""Vectors of several segments, without those of removed passages, searched as if they were one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexing.vectors import VectorIndex

_MORE = 16  # hits asked for beyond `k` where some may have been removed


class ChangedVectors:
    """Finds the nearest passages in all segments. Safe to use from threads.

    `firsts` are the first passage id of each segment and the number of all passages.
    """

    def __init__(
        self, parts: Sequence[VectorIndex], firsts: Sequence[int], removed: NDArray[np.bool_]
    ) -> None:
        self._parts = parts
        self._firsts = firsts
        self._removed = removed

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._parts[0].dimension

    @property
    def whole(self) -> bool:
        """Whether all segments keep the vectors themselves, in half precision."""
        return all(part.whole for part in self._parts)

    def ids(self) -> NDArray[np.int64]:
        """Return the passage ids in the order of the files, removed ones included."""
        pairs = zip(self._parts, self._firsts, strict=False)
        return np.concatenate([first + part.ids() for part, first in pairs])

    def stored(self, first: int, last: int) -> NDArray[np.float32]:
        """Return a range of the vectors themselves, which the segments must keep `whole`."""
        found = [
            part.stored(max(first, begin) - begin, min(last, end) - begin)
            for part, begin, end in zip(self._parts, self._firsts, self._firsts[1:], strict=False)
            if begin < last and first < end
        ]
        return np.concatenate(found)

    def at(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of passages, which the segments must keep `whole`: (len(ids), d)."""
        found = np.empty((len(ids), self.dimension), np.float32)
        for part, begin, end in zip(self._parts, self._firsts, self._firsts[1:], strict=False):
            own = (begin <= ids) & (ids < end)
            if own.any():
                found[own] = part.at(ids[own] - begin)
        return found

    def search(
        self, vectors: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids and dot products of shape (len(vectors), k), as `VectorIndex.search` does."""
        pairs = zip(self._parts, self._firsts, strict=False)
        found = [self._search(part, first, vectors, k) for part, first in pairs]
        ids = np.concatenate([own for own, _ in found], axis=1)
        scores = np.concatenate([own for _, own in found], axis=1)
        scores[ids < 0] = -np.inf
        order = np.lexsort((ids, -scores), axis=1)[:, :k]
        ids, scores = np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)
        scores[ids < 0] = 0
        return ids, scores

    def _search(
        self, part: VectorIndex, first: int, vectors: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Search one segment, deeper and deeper until `k` hits are there that were not removed."""
        gone = self._removed[first : first + len(part)]
        depth = k + _MORE if gone.any() else k
        while True:
            ids, scores = part.search(vectors, depth)
            kept = (ids >= 0) & ~gone[np.maximum(ids, 0)]
            if depth >= len(part) or (kept.sum(axis=1) >= k).all():
                break
            depth = min(len(part), 2 * depth)
        # The kept ones move to the front, in their order.
        order = np.argsort(~kept, axis=1, kind="stable")[:, :k]
        kept = np.take_along_axis(kept, order, 1)
        ids = np.where(kept, first + np.take_along_axis(ids, order, 1), -1)
        return ids, np.where(kept, np.take_along_axis(scores, order, 1), 0).astype(np.float32)
