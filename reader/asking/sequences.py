"""What a question writer reads, a passage, and what it writes: an answer and its question.

A source is `[CLS] style title [SEP] passage [SEP]`, a target `answer [SEP] question [SEP]`. The
style is a word that tells which file's way of asking is wanted; a writer of one file has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InputError
from reader.features import Pieces, ReaderTokenizer
from reader.training_data import TrainingSet, crop, load_squad

Ids = NDArray[np.int32]
LONGEST_ANSWER = 16
LONGEST_QUESTION = 30
LONGEST_TARGET = LONGEST_ANSWER + LONGEST_QUESTION + 2
_SOURCE = (96, 192)  # pieces of a passage in training, cut anew in every epoch


@dataclass(frozen=True, slots=True)
class Styles:
    """The pieces that stand for the training files' ways of asking; none if there is one file."""

    ids: tuple[int, ...]

    @classmethod
    def of(cls, tokenizer: ReaderTokenizer, files: int) -> Styles:
        """Take words that BERT's vocabularies hold for such purposes.

        Raises:
            InputError: the vocabulary has too few of them.
        """
        if files == 1:
            return cls(())
        vocabulary = tokenizer.tokens()
        names = [f"[unused{number}]" for number in range(1, files + 1)]
        missing = [name for name in names if name not in vocabulary]
        if missing:
            raise InputError(f"the vocabulary has no {missing[0]}; join the files into one")
        return cls(tuple(vocabulary[name] for name in names))


@dataclass(frozen=True, slots=True)
class Pair:
    """One row: int32 pieces of the source and of the target."""

    source: Ids
    target: Ids


def source_ids(
    tokenizer: ReaderTokenizer, styles: Styles, style: int, title: str, passage: Ids
) -> Ids:
    """Return a source; `style` counts the writer's training files from 0."""
    head = tokenizer.title(title)
    parts = [[tokenizer.cls], styles.ids[style : style + 1], head]
    if len(head):
        parts.append([tokenizer.sep])
    parts += [passage, [tokenizer.sep]]
    return np.concatenate([np.asarray(part, dtype=np.int32) for part in parts])


def split_target(target: Sequence[int], sep: int) -> tuple[list[int], list[int]] | None:
    """Return the pieces of answer and question; None unless both are there and end."""
    pieces = list(target)
    if pieces.count(sep) < 2:
        return None
    first = pieces.index(sep)
    second = pieces.index(sep, first + 1)
    answer, question = pieces[:first], pieces[first + 1 : second]
    return (answer, question) if answer and question else None


def place_of(answer: Sequence[int], passage: Pieces) -> tuple[int, int] | None:
    """Return where an answer's pieces first stand in a passage, in characters."""
    size, wanted = len(answer), np.asarray(answer, dtype=np.int32)
    if not size or size > len(passage):
        return None
    windows = np.lib.stride_tricks.sliding_window_view(passage.ids, size)
    found = np.flatnonzero((windows == wanted).all(axis=1))
    if not len(found):
        return None
    first = int(found[0])
    return int(passage.starts[first]), int(passage.ends[first + size - 1])


@dataclass(frozen=True, slots=True)
class WriterData:
    """Training sets, one for each file; a file's number is its style."""

    sets: tuple[TrainingSet, ...]

    @classmethod
    def load(cls, files: Sequence[Path], tokenizer: ReaderTokenizer) -> WriterData:
        """Read SQuAD-type files; questions without an answer, or with long ones, do not count.

        Raises:
            InputError: a file is unusable, or no question is left.
        """
        sets = []
        for file in files:
            data = load_squad([file], tokenizer)
            fits = [
                example
                for example in data.examples
                if any(last - first < LONGEST_ANSWER for first, last in example.ranges)
                and len(tokenizer.question(example.question)) <= LONGEST_QUESTION
            ]
            if not fits:
                raise InputError(f"{file}: holds no question with a short answer")
            sets.append(TrainingSet(data.contexts, fits))
        return cls(tuple(sets))

    def pairs(
        self, tokenizer: ReaderTokenizer, styles: Styles, generator: np.random.Generator
    ) -> list[Pair]:
        """Return a row for each question, its passage cut at random around the answer."""
        rows = []
        for style, data in enumerate(self.sets):
            for example in data.examples:
                short = tuple(r for r in example.ranges if r[1] - r[0] < LONGEST_ANSWER)
                place = short[int(generator.integers(len(short)))]
                size = int(generator.integers(_SOURCE[0], _SOURCE[1] + 1))
                cut = crop(data.contexts[example.context], (place,), size, generator)
                first, last = cut.ranges[0]
                parts = (cut.ids[first : last + 1], tokenizer.question(example.question))
                sep = np.asarray([tokenizer.sep], dtype=np.int32)
                target = np.concatenate([parts[0], sep, parts[1], sep])
                source = source_ids(tokenizer, styles, style, cut.title, cut.ids)
                rows.append(Pair(source, target))
        return rows
