"""Data augmentation: words of questions and contexts replaced, deleted and inserted.

The operations are those of Wei and Zou 2019 (EDA), with the nearest words of the encoder's own
embedding table in place of a thesaurus. Words of answers are never touched, and their ranges move
with what changes before them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InputError
from indexing.words import STOP_WORDS
from reader.features import MAX_QUESTION, ReaderTokenizer
from reader.train_settings import AugmentSettings, EditRates
from reader.training_data import Row

NEIGHBOURS = 8
_BLOCK = 1024  # words whose neighbours are looked for at once
_SHORTEST = 3  # letters of a word that has neighbours
# A question whose question word became another one asks for something else.
_QUESTION_WORDS = frozenset(
    ["how", "what", "when", "where", "which", "who", "whom", "whose", "why"]
)


@dataclass(frozen=True, slots=True)
class Words:
    """What editing needs to know of a vocabulary.

    `continuations` (size,) tells pieces that go on with a word. `neighbours` (size, 8) are the
    ids of the words nearest to a word, -1 for pieces that have none: parts of words, numbers,
    stop words, question words and special pieces.
    """

    continuations: NDArray[np.bool_]
    neighbours: NDArray[np.int32]


def load_words(folder: Path) -> Words:
    """Find the neighbours of a checkpoint's words by the cosine of their input embeddings.

    Raises:
        InputError: the checkpoint has no table of word embeddings.
    """
    tokenizer = ReaderTokenizer.from_folder(folder)
    wordlike = [n for token, n in sorted(tokenizer.tokens().items()) if _has_neighbours(token)]
    numbers = np.asarray(wordlike, dtype=np.int32)
    table = _embeddings(folder)[numbers]
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    neighbours = np.full((len(tokenizer.continuations), NEIGHBOURS), -1, dtype=np.int32)
    if len(numbers) > NEIGHBOURS:
        for begin in range(0, len(numbers), _BLOCK):
            near = table[begin : begin + _BLOCK] @ table.T
            near[np.arange(len(near)), begin + np.arange(len(near))] = -np.inf  # not itself
            best = np.argpartition(-near, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
            neighbours[numbers[begin : begin + _BLOCK]] = numbers[best]
    return Words(tokenizer.continuations, neighbours)


def _has_neighbours(token: str) -> bool:
    if not token.isalpha() or len(token) < _SHORTEST:
        return False
    return token.lower() not in STOP_WORDS | _QUESTION_WORDS


def _embeddings(folder: Path) -> NDArray[np.float32]:
    from safetensors import safe_open

    try:
        with safe_open(folder / "model.safetensors", "np") as file:
            for name in file.keys():  # noqa: SIM118 - safe_open is no mapping
                if name.endswith("embeddings.word_embeddings.weight"):
                    return np.asarray(file.get_tensor(name), dtype=np.float32)
    except OSError as error:
        raise InputError(f"{folder}: no model.safetensors to augment with ({error})") from error
    raise InputError(f"{folder}: has no word embeddings to find similar words by")


def augment_question(
    ids: NDArray[np.int32],
    words: Words,
    settings: AugmentSettings,
    generator: np.random.Generator,
) -> NDArray[np.int32]:
    """Return the edited pieces of a question, at most 64."""
    free = np.ones(len(ids), dtype=bool)
    return edit(ids, free, words, settings.question, MAX_QUESTION, generator)[0]


def augment_row(
    row: Row,
    words: Words,
    settings: AugmentSettings,
    limit: int,
    generator: np.random.Generator,
) -> Row:
    """Return a row whose words outside the answers are edited, of at most `limit` pieces.

    A row that is longer already gets no longer.
    """
    free = np.ones(len(row.ids), dtype=bool)
    for first, last in row.ranges:
        free[first : last + 1] = False
    ids, moved = edit(row.ids, free, words, settings.context, limit, generator)
    ranges = tuple((int(moved[first]), int(moved[last])) for first, last in row.ranges)
    return Row(row.title, ids, ranges)


def edit(
    ids: NDArray[np.int32],
    free: NDArray[np.bool_],
    words: Words,
    rates: EditRates,
    limit: int,
    generator: np.random.Generator,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Edit whole words, each by a chance of its own.

    A word is deleted, or else replaced by a neighbour if it has any; before it, a neighbour of
    some word of the text is inserted. Words that are not free throughout stay, and nothing is
    inserted within a run of them. One word always remains.

    Args:
        ids: pieces, (pieces,).
        free: (pieces,), which of them may change.
        words: the vocabulary's words.
        rates: the chance of each edit for a free word.
        limit: pieces beyond which nothing is inserted.
        generator: the source of chance.

    Returns:
        The new pieces, and the new position of each old one, -1 if it was deleted.
    """
    if not len(ids):
        return ids, np.empty(0, dtype=np.int64)
    starts = ~words.continuations[ids]
    starts[0] = True
    borders = np.append(np.flatnonzero(starts), len(ids))
    count = len(borders) - 1
    open_ = np.logical_and.reduceat(free, borders[:-1])
    chances = generator.random((3, count))
    deleted = open_ & (chances[0] < rates.delete)
    if deleted.all():
        deleted[int(generator.integers(count))] = False
    replaced = open_ & ~deleted & (chances[1] < rates.replace)
    inserted = open_ & (chances[2] < rates.insert)
    known = ids[words.neighbours[ids, 0] >= 0]
    room = limit - len(ids)
    parts: list[NDArray[np.int32]] = []
    moved = np.full(len(ids), -1, dtype=np.int64)
    length = 0
    for word, (start, end) in enumerate(pairwise(borders)):
        if inserted[word] and room > 0 and len(known):
            parts.append(_neighbour(known[int(generator.integers(len(known)))], words, generator))
            length, room = length + 1, room - 1
        if deleted[word]:
            continue
        own = ids[start:end]
        if replaced[word] and end - start == 1 and words.neighbours[own[0], 0] >= 0:
            own = _neighbour(own[0], words, generator)
        parts.append(own)
        moved[start:end] = length + np.arange(end - start)
        length += end - start
    return np.concatenate(parts), moved


def _neighbour(number: np.int32, words: Words, generator: np.random.Generator) -> NDArray[np.int32]:
    place = int(generator.integers(NEIGHBOURS))
    return words.neighbours[number, place : place + 1]
