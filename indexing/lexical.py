"""BM25 search over bm25s' files, memory-mapped.

The scores were worked out when the index was built (Lù 2024, "BM25S"), so that searching adds
up one column of a sparse matrix for each word of the question. In numpy that takes as long as
bm25s' numba backend does (about 0.5 ms for 300,000 passages), without its seconds of compiling,
and ties go by passage id.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InputError
from indexing.words import WordSettings, analyzer

LEXICAL = "bm25"  # the folder of the files
DATA = "data.csc.index.npy"
INDICES = "indices.csc.index.npy"
INDPTR = "indptr.csc.index.npy"
VOCABULARY = "vocab.index.json"
PARAMETERS = "params.index.json"
WORDS = "words.npy"
WORD_ENDS = "words.ends.npy"
LENGTHS = "lengths.npy"


@dataclass(frozen=True, slots=True)
class LexicalSettings:
    """BM25's parameters, how text becomes words, and how often a passage's title counts."""

    k1: float = 0.9
    b: float = 0.4
    titles: int = 1
    words: WordSettings = field(default_factory=WordSettings)

    def __post_init__(self) -> None:
        if not 0 <= self.k1 < math.inf or not 0 <= self.b <= 1:
            raise InputError(
                f"BM25 needs a finite k1 >= 0 and 0 <= b <= 1, not k1={self.k1}, b={self.b}."
            )
        if self.titles < 0:
            raise InputError(f"A title counts 0 times or more, not {self.titles} times.")


class Lexical(Protocol):
    """Finds passages by words, in one segment or in several. Safe to use from threads."""

    def search(
        self, questions: Sequence[str], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids and scores of shape (len(questions), k), best first, ties by passage id."""
        ...


class LexicalIndex:
    """Finds passages by the words they share with questions. Safe to use from threads."""

    def __init__(self, folder: Path, passages: int, settings: LexicalSettings) -> None:
        self._passages = passages
        self._words = analyzer(settings.words)
        self._vocabulary = _Vocabulary(folder)
        self._scores = mapped(folder / DATA)
        self._rows = mapped(folder / INDICES)
        self._starts = mapped(folder / INDPTR)

    def search(
        self, questions: Sequence[str], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids and scores of shape (len(questions), k), best first, ties by passage id.

        Only passages that share a word with the question are found; rows are padded with id -1
        and score 0.
        """
        ids = np.full((len(questions), k), -1, dtype=np.int64)
        scores = np.zeros((len(questions), k), dtype=np.float32)
        total = np.empty(self._passages, dtype=np.float32)
        for number, question in enumerate(questions):
            columns = self._columns(question)
            if columns and k > 0:
                best = top(total, k, self._add_up(columns, k, total))
                ids[number, : len(best)] = best
                scores[number, : len(best)] = total[best]
        return ids, scores

    def words(self, question: str) -> list[str]:
        """Return the question's words in order, as often as they are in it."""
        return sorted(self._words(question))

    def postings(self, word: str) -> tuple[NDArray[np.int32], NDArray[np.float32]] | None:
        """Return the passages that hold a word and what it adds to their scores."""
        column = self._vocabulary.find(word)
        if column is None:
            return None
        first, last = self._starts[column], self._starts[column + 1]
        return self._rows[first:last], self._scores[first:last]

    def _columns(self, question: str) -> list[int]:
        """Return the columns of the question's words, as often as they are in it."""
        found = map(self._vocabulary.find, self.words(question))
        return [column for column in found if column is not None]

    def _add_up(self, columns: Sequence[int], k: int, total: NDArray[np.float32]) -> float:
        """Fill in each passage's score; return a score that the k-th best surely has."""
        total.fill(0)
        fewest: NDArray[np.float32] | None = None
        for column in columns:
            first, last = self._starts[column], self._starts[column + 1]
            scores = self._scores[first:last]
            np.add.at(total, self._rows[first:last], scores)
            if len(scores) >= k and (fewest is None or len(scores) < len(fewest)):
                fewest = scores
        # Scores only add up, so the k-th best of the rarest word is a floor for the k-th of all.
        return float(kth_best(fewest, k)) if fewest is not None else 0.0


def idf(passages: int, frequencies: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return Lucene's inverse document frequency of words that so many passages hold."""
    return np.log1p((passages - frequencies + 0.5) / (frequencies + 0.5)).astype(np.float32)


def mean_length(lengths: NDArray[np.int32]) -> float:
    """Return the mean number of words of passages."""
    return max(int(lengths.sum()) / max(1, len(lengths)), 1e-9)


def length_norm(
    settings: LexicalSettings, lengths: NDArray[np.int32], mean: float
) -> NDArray[np.float64]:
    """Return what stands beside a word's count in BM25's denominator, by passage length."""
    relative = lengths.astype(np.float64) / mean
    return settings.k1 * (1 - settings.b + settings.b * relative)


def mapped(path: Path) -> NDArray[Any]:
    """Return a .npy file's memory-mapped array, without numpy's slow subclass around it."""
    return np.asarray(np.load(path, mmap_mode="r"))


def top(scores: NDArray[np.float32], k: int, floor: float = 0.0) -> NDArray[np.int64]:
    """Return the places of the k best scores above zero, best first, ties by place.

    No score under `floor` may be among them; a good floor saves most of the time.
    """
    found = at_least_top(scores, k, floor)
    return found[np.argsort(-scores[found], kind="stable")[:k]]


def at_least_top(
    scores: NDArray[np.float32], k: int, floor: float = 0.0, slack: float = 0.0
) -> NDArray[np.int64]:
    """Return in order the places of scores no less than the k-th best, and above zero.

    `slack` lets in scores that are less by such a share. None of the k best may be under `floor`.
    """
    floor *= 1 - slack
    found = np.flatnonzero(scores >= floor) if floor > 0 else np.flatnonzero(scores)
    if len(found) <= k:
        return found
    values = scores[found]
    return found[values >= kth_best(values, k) * np.float32(1 - slack)]


def kth_best(values: NDArray[np.float32], k: int) -> np.float32:
    """Return the k-th greatest of at least k values."""
    place = len(values) - k
    return np.float32(np.partition(values, place)[place])


class _Vocabulary:
    """Sorted words in one memory-mapped file; a word's place is its column."""

    def __init__(self, folder: Path) -> None:
        self._data = mapped(folder / WORDS)
        self._ends = mapped(folder / WORD_ENDS)

    def find(self, word: str) -> int | None:
        wanted = word.encode()
        low, high = 0, len(self._ends)
        while low < high:
            middle = (low + high) // 2
            if self._at(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self._ends) and self._at(low) == wanted else None

    def _at(self, place: int) -> bytes:
        start = self._ends[place - 1] if place else 0
        return bytes(self._data[start : self._ends[place]])
