"""A training batch in parts, one after the other on a CPU: the gradients are those of the whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reader.batches import ROUND, Batch


def parts(batch: Batch, places: int) -> Iterator[Batch]:
    """Cut a batch between questions, into parts of at most so many places (rows x length).

    A question whose rows are more is a part of its own.
    """
    most = max(1, places // batch.ids.shape[1])
    ends = np.searchsorted(batch.groups, np.arange(batch.questions), side="right")
    row = question = 0
    while question < batch.questions:
        last = max(question + 1, int(np.searchsorted(ends, row + most, side="right")))
        end = int(ends[last - 1])
        yield _part(batch, slice(row, end), question, last)
        row, question = end, last


def _part(batch: Batch, rows: slice, first: int, last: int) -> Batch:
    longest = int(batch.mask[rows].sum(1).max())
    length = min(-(-longest // ROUND) * ROUND, batch.ids.shape[1])
    inside = (batch.spans[:, 0] >= rows.start) & (batch.spans[:, 0] < rows.stop)
    return Batch(
        batch.ids[rows, :length],
        batch.segments[rows, :length],
        batch.mask[rows, :length],
        batch.allowed[rows, :length],
        batch.groups[rows] - first,
        batch.labels[rows],
        batch.spans[inside] - [rows.start, 0, 0],
        last - first,
    )


def answered(batch: Batch) -> int:
    """Count the questions that have a gold span."""
    return len(np.unique(batch.groups[batch.spans[:, 0]]))
