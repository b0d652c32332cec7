"""Batches of similar length under a budget of tokens, so that padding costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from encoder.session import Session

T = TypeVar("T")

LEAST = 128  # tokens; splitting smaller batches over the cores gains nothing


def stacked(rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return rows as one array; where their first axes differ, 0 after the shorter ones' ends."""
    longest = max(len(row) for row in rows)
    result = np.zeros((len(rows), longest, *rows[0].shape[1:]), dtype=np.float32)
    for target, row in zip(result, rows, strict=True):
        target[: len(row)] = row
    return result


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


def run_batches(
    lengths: Sequence[int], session: Session, run: Callable[[NDArray[np.int64]], T]
) -> Iterator[tuple[NDArray[np.int64], T]]:
    """Yield the indices of each batch of rows with what `run` made of them.

    Batches have the size that suits the session, smaller if there would be too few of them to
    share out evenly among its workers.
    """
    tokens = session.tokens
    if session.workers > 1:
        tokens = min(tokens, max(LEAST, -(-sum(lengths) // (2 * session.workers))))
    batches = list(length_batches(lengths, tokens))
    if min(len(batches), session.workers) < 2:
        for batch in batches:
            yield batch, run(batch)
        return
    with ThreadPoolExecutor(session.workers) as pool:
        yield from zip(batches, pool.map(run, batches), strict=True)


def pad(
    rows: Sequence[NDArray[np.int32]], value: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return rows as one array of shape (rows, longest) filled up with `value`, and its mask."""
    lengths = np.array([len(row) for row in rows])
    mask = (np.arange(lengths.max())[None, :] < lengths[:, None]).astype(np.int32)
    filled = np.full(mask.shape, value, dtype=np.int32)
    filled[mask.astype(bool)] = np.concatenate(rows)
    return filled, mask
