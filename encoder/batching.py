"""Batches of similar length under a budget of tokens, so that padding costs next to nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def length_batches(lengths: Sequence[int], tokens: int) -> Iterator[NDArray[np.int64]]:
    """Yield index arrays, longest rows first, each at most `tokens` large once padded.

    A row longer than the budget makes a batch of its own. Ties keep their order.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    begin = 0
    while begin < len(order):
        longest = max(1, int(lengths[order[begin]]))
        size = max(1, tokens // longest)
        yield order[begin : begin + size]
        begin += size


def pad(
    rows: Sequence[NDArray[np.int32]], value: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return rows as one array of shape (rows, longest) filled up with `value`, and its mask."""
    lengths = np.array([len(row) for row in rows])
    mask = (np.arange(lengths.max())[None, :] < lengths[:, None]).astype(np.int32)
    filled = np.full(mask.shape, value, dtype=np.int32)
    filled[mask.astype(bool)] = np.concatenate(rows)
    return filled, mask
