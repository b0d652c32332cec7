"""Training batches: length-bucketed, and the same for the same seed, so that runs can resume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reader.altering import altered_question
from reader.augmentation import Words, augment_question, augment_row
from reader.features import ReaderTokenizer
from reader.train_settings import BatchSettings
from reader.training_data import Example, Row, TrainingSet, crop

ROUND = 8  # lengths are multiples of this, which suits matrix units and fused attention
POOL = 24  # batches that are sorted by length together: enough to leave little padding


@dataclass(frozen=True, slots=True)
class Batch:
    """Arrays of shape (rows, length) but for `groups` (rows,), `labels` (rows,), `spans` (n, 3)."""

    ids: NDArray[np.int64]
    segments: NDArray[np.int64]
    mask: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    groups: NDArray[np.int64]
    labels: NDArray[np.float32]
    spans: NDArray[np.int64]
    questions: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A question's pieces, int32 (pieces,), with the passages drawn for it."""

    question: NDArray[np.int32]
    rows: list[Row]


def epoch_batches(
    data: TrainingSet,
    tokenizer: ReaderTokenizer,
    settings: BatchSettings,
    seed: int,
    epoch: int,
    words: Words | None = None,
) -> Iterator[Batch]:
    """Yield one epoch of batches; the same seed and epoch always give the same batches.

    `words` are the tokenizer's words if the settings ask for augmentation.
    """
    generator = np.random.default_rng((seed, epoch))
    order = generator.permutation(len(data.examples))
    pool = settings.questions * POOL
    for begin in range(0, len(order), pool):
        chosen = (data.examples[i] for i in order[begin : begin + pool])
        drawn = [draw(example, data, tokenizer, settings, generator) for example in chosen]
        if words is not None and settings.augment.active:
            drawn = [augmented(one, words, settings, generator) for one in drawn]
        drawn.sort(key=lambda one: max(len(row.ids) for row in one.rows))
        starts = np.arange(0, len(drawn), settings.questions)
        for start in generator.permutation(starts):
            yield collate(drawn[start : start + settings.questions], tokenizer)


def fitting(data: TrainingSet, settings: BatchSettings) -> TrainingSet:
    """Leave out questions with an answer longer than a row, which a crop could not hold."""
    return TrainingSet(data.contexts, [e for e in data.examples if _fits(e, settings)])


def _fits(example: Example, settings: BatchSettings) -> bool:
    answers = (example.ranges, *(ranges for _, ranges in example.positives))
    sizes = (last - first + 1 for ranges in answers for first, last in ranges)
    return max(sizes, default=0) <= settings.max_pieces


def draw(
    example: Example,
    data: TrainingSet,
    tokenizer: ReaderTokenizer,
    settings: BatchSettings,
    generator: np.random.Generator,
) -> Drawn:
    """Draw a question's passages; or alter the question so that its paragraph has no answer."""
    rows = question_rows(example, data, settings, generator)
    own = example.ranges and not example.positives
    if own and settings.alter_rate and generator.random() < settings.alter_rate:
        text = data.contexts[example.context].text
        altered = altered_question(example.question, text, example.answers, generator)
        if altered is not None:
            return Drawn(tokenizer.question(altered), [Row(rows[0].title, rows[0].ids, ())])
    return Drawn(tokenizer.question(example.question), rows)


def question_rows(
    example: Example, data: TrainingSet, settings: BatchSettings, generator: np.random.Generator
) -> list[Row]:
    """Draw the passages of one question: its own paragraph, and perhaps hard negatives.

    A mined question brings one of its positives and several negatives.
    """
    size = settings.max_pieces
    if generator.random() < settings.crop_rate:
        size = int(generator.integers(settings.crop_min, settings.crop_max + 1))
    if example.positives:
        number, ranges = example.positives[int(generator.integers(len(example.positives)))]
        count = min(len(example.negatives), settings.passages - 1)
        others = generator.choice(example.negatives, count, replace=False) if count else ()
    else:
        number, ranges = example.context, example.ranges
        drawn = example.negatives and generator.random() < settings.negative_rate
        count = min(len(example.negatives), settings.own_negatives)
        others = generator.choice(example.negatives, count, replace=False) if drawn else ()
    rows = [crop(data.contexts[number], ranges, size, generator)]
    for other in others:
        # Hardly longer than the gold passage: a negative must not widen the batch.
        rows.append(crop(data.contexts[int(other)], (), max(len(rows[0].ids), 32), generator))
    return [
        row if generator.random() < settings.title_rate else Row("", row.ids, row.ranges)
        for row in rows
    ]


def augmented(
    drawn: Drawn, words: Words, settings: BatchSettings, generator: np.random.Generator
) -> Drawn:
    """Edit the words of a question and of its passages."""
    return Drawn(
        augment_question(drawn.question, words, settings.augment, generator),
        [
            augment_row(row, words, settings.augment, settings.max_pieces, generator)
            for row in drawn.rows
        ],
    )


def collate(drawn: list[Drawn], tokenizer: ReaderTokenizer) -> Batch:
    """Pad the rows of some questions into one batch."""
    heads, rows, groups = [], [], []
    for number, one in enumerate(drawn):
        for row in one.rows:
            head = tokenizer.head(one.question, tokenizer.title(row.title))
            heads.append((head, len(one.question)))
            rows.append(row)
            groups.append(number)
    length = max(len(head) + len(row.ids) + 1 for (head, _), row in zip(heads, rows, strict=True))
    shape = (len(rows), -(-length // ROUND) * ROUND)
    ids = np.full(shape, tokenizer.pad, dtype=np.int64)
    segments, mask = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    allowed = np.zeros(shape, dtype=np.bool_)
    spans = []
    for i, ((head, question_length), row) in enumerate(zip(heads, rows, strict=True)):
        offset, end = len(head), len(head) + len(row.ids)
        ids[i, :offset], ids[i, offset:end], ids[i, end] = head, row.ids, tokenizer.sep
        segments[i, question_length + 2 : end + 1] = 1
        mask[i, : end + 1] = 1
        allowed[i, offset:end] = True
        spans += [(i, offset + a, offset + b) for a, b in row.ranges]
    return Batch(
        ids,
        segments,
        mask,
        allowed,
        np.asarray(groups, dtype=np.int64),
        np.asarray([bool(row.ranges) for row in rows], dtype=np.float32),
        np.asarray(spans, dtype=np.int64).reshape(-1, 3),
        len(drawn),
    )
