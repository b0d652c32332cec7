"""Pretraining batches: segments of single documents, cut and masked anew in every epoch.

What a batch holds depends on the seed, the epoch and its number alone, so that a run can stop,
resume, and spread over any number of processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InputError
from reader.pretraining.recurring_spans import RecurringSegment, question_segment
from reader.pretraining.settings import PretrainSettings
from reader.pretraining.shards import Tokens
from reader.pretraining.span_masking import MaskedSegment, mask_segment
from reader.pretraining.vocabulary import Vocabulary

LONGEST_TARGET = 20  # pieces of a span that the boundary objective predicts, from its start
_SHORTEST = 8  # pieces: shorter ends of documents are left out
_POOL = 64  # batches whose segments are sorted by length together: enough to leave little padding
_ROUND = 8  # lengths are multiples of this, which suits matrix units


@dataclass(frozen=True, slots=True)
class PretrainBatch:
    """Rows of one batch, and what is to be predicted.

    `ids` is (rows, length); `lengths` (rows,) tells how much of a row is no padding. `masked`
    (targets,) are positions in the flattened rows whose pieces are to be predicted, `targets`
    (targets,) those pieces. `boundaries` is (boundary targets, 4): flat positions of the pieces
    left and right of the span, the offset in the span (0 is its first piece), and the piece.
    `questions` is (questions, 4): row, position of the question piece, first and last position
    of its answer.
    """

    ids: NDArray[np.int64]
    lengths: NDArray[np.int64]
    masked: NDArray[np.int64]
    targets: NDArray[np.int64]
    boundaries: NDArray[np.int64]
    questions: NDArray[np.int64]

    @property
    def tokens(self) -> int:
        """How many tokens there are, without padding."""
        return int(self.lengths.sum())


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a batch is made from: `segments` (rows, 3) are shard, start and end.

    `numbers` (rows,) are the segments' numbers in the epoch, which seed their masks.
    """

    epoch: int
    numbers: NDArray[np.int64]
    segments: NDArray[np.int64]


def recipes(tokens: Tokens, settings: PretrainSettings, first: int = 0) -> Iterator[Recipe]:
    """Yield the recipes of all epochs without end, from the `first` batch of the run on."""
    epoch = 0
    while True:
        planned = plan_epoch(tokens, settings, epoch)
        if not planned:
            raise InputError(f"{settings.tokens}: there is no text to train on")
        yield from planned[first:]
        first = max(0, first - len(planned))
        epoch += 1


def plan_epoch(tokens: Tokens, settings: PretrainSettings, epoch: int) -> list[Recipe]:
    """Cut every document into segments of at most `length` tokens, and group them into batches.

    The first cut of a document falls at random, so that other sentences meet in every epoch.
    Segments of similar length go together; the batches are shuffled.
    """
    generator = np.random.default_rng((settings.seed, epoch))
    parts = [
        _segments(number, ends, settings.length - 2, generator)
        for number, ends in enumerate(tokens.ends)
    ]
    segments = np.concatenate(parts)
    segments = segments[generator.permutation(len(segments))]
    lengths = segments[:, 2] - segments[:, 1] + 2
    pool = max(1, _POOL * settings.batch_tokens // settings.length)
    planned: list[Recipe] = []
    for begin in range(0, len(segments), pool):
        chosen = np.arange(begin, min(begin + pool, len(segments)))
        chosen = chosen[np.argsort(-lengths[chosen], kind="stable")]
        at = 0
        while at < len(chosen):
            rows = max(1, settings.batch_tokens // _rounded(int(lengths[chosen[at]])))
            numbers = chosen[at : at + rows]
            planned.append(Recipe(epoch, numbers, segments[numbers]))
            at += rows
    return [planned[i] for i in generator.permutation(len(planned))]


def _segments(
    shard: int, ends: NDArray[np.int64], room: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Cut the documents of a shard; a document that fits in one segment stays whole."""
    starts = np.concatenate([[0], ends[:-1]])
    sizes = ends - starts
    # Pieces before a document's first cut; documents of one segment have none.
    first = np.where(sizes > room, generator.integers(0, room, len(ends)), 0)
    counts = -(-(sizes - first) // room) + (first > 0)
    owner = np.repeat(np.arange(len(ends)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    shift = np.where(first > 0, first - room, 0)[owner]  # the first segment is short by this
    begin = starts[owner] + np.maximum(0, shift + within * room)
    end = np.minimum(ends[owner], starts[owner] + shift + (within + 1) * room)
    kept = end - begin >= _SHORTEST
    segments = np.stack([np.full(len(owner), shard), begin, end], axis=1)
    return np.asarray(segments[kept], dtype=np.int64)


def _rounded(length: int) -> int:
    return -(-length // _ROUND) * _ROUND


def make_batch(
    tokens: Tokens, vocabulary: Vocabulary, settings: PretrainSettings, recipe: Recipe
) -> PretrainBatch:
    """Mask the segments of one batch and put them together."""
    rows: list[MaskedSegment | RecurringSegment] = []
    for number, (shard, start, end) in zip(
        recipe.numbers.tolist(), recipe.segments.tolist(), strict=True
    ):
        pieces = np.asarray(tokens.ids[shard][start:end], dtype=np.int32)
        generator = np.random.default_rng((settings.seed, recipe.epoch, number))
        rows.append(_row(pieces, vocabulary, settings, generator))
    return collate(rows, vocabulary, boundary=settings.boundary)


def _row(
    pieces: NDArray[np.int32],
    vocabulary: Vocabulary,
    settings: PretrainSettings,
    generator: np.random.Generator,
) -> MaskedSegment | RecurringSegment:
    if generator.random() < settings.recurring:
        found = question_segment(pieces, vocabulary, generator)
        if found is not None:
            return found
    return mask_segment(pieces, vocabulary, settings.masking, generator)


def collate(
    rows: list[MaskedSegment | RecurringSegment], vocabulary: Vocabulary, *, boundary: bool = True
) -> PretrainBatch:
    """Pad rows into one batch; without `boundary`, that objective gets no targets."""
    length = _rounded(max(len(row.ids) for row in rows))
    ids = np.full((len(rows), length), vocabulary.pad, dtype=np.int64)
    masked, targets, boundaries, questions = [], [], [], []
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = row.ids
        if isinstance(row, RecurringSegment):
            questions.append(np.insert(row.questions, 0, number, axis=1))
            continue
        starts, sizes = row.spans[:, 0], row.spans[:, 1] - row.spans[:, 0]
        offsets = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        positions = np.repeat(starts, sizes) + offsets
        left, right = np.repeat(starts - 1, sizes), np.repeat(row.spans[:, 1], sizes)
        pieces = row.original[positions].astype(np.int64)
        masked.append(number * length + positions)
        targets.append(pieces)
        wanted = (offsets < LONGEST_TARGET) & boundary
        sides = number * length + np.stack([left, right], axis=1)
        both = np.concatenate([sides, offsets[:, None], pieces[:, None]], axis=1)
        boundaries.append(both[wanted])
    return PretrainBatch(
        ids,
        np.asarray([len(row.ids) for row in rows], dtype=np.int64),
        _joined(masked),
        _joined(targets),
        _joined(boundaries, 4),
        _joined(questions, 4),
    )


def _joined(parts: list[NDArray[Any]], width: int = 0) -> NDArray[np.int64]:
    if not parts:
        return np.empty((0, width) if width else 0, dtype=np.int64)
    return np.concatenate(parts).astype(np.int64)
