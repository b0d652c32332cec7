"""BM25 over several segments and without removed passages, as if they were one index.

Each segment's scores were worked out with its own numbers of passages, words' frequencies and
mean length. Those of the whole are known when the index is opened, and a score tells the count of
the word that it came from (Lù 2024 stores scores; the count is their inverse). So each posting is
scored again for the whole: roughly, in single precision, to find the few passages that can be
among the best, and those exactly as a fresh build of the same documents would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InputError
from indexing.lexical import (
    LENGTHS,
    LexicalIndex,
    LexicalSettings,
    at_least_top,
    idf,
    kth_best,
    length_norm,
    mapped,
    mean_length,
)

_ROUGH = 1e-5  # far above what single precision loses, relative to a score


@dataclass(frozen=True, slots=True)
class _Part:
    """A segment: its passages begin at id `first`; `mean` is their mean length at its build.

    `ratios` are, for each passage, the length norm of the whole over that of the segment.
    `removed` tells which passages are gone, None if none is; `gone` are their numbers in order.
    """

    index: LexicalIndex
    lengths: NDArray[np.int32]
    first: int
    mean: float
    ratios: NDArray[np.float32]
    removed: NDArray[np.bool_] | None
    gone: NDArray[np.int32]

    def among(self, passages: NDArray[np.int64]) -> slice:
        """Return which of some passages, given in order, are of this segment."""
        bounds = (self.first, self.first + len(self.lengths))
        return slice(*np.searchsorted(passages, bounds).tolist())


@dataclass(frozen=True, slots=True)
class _Postings:
    """A word in one segment: the passages that hold it and what it added there."""

    part: _Part
    rows: NDArray[np.int32]
    scores: NDArray[np.float32]

    def live(self) -> NDArray[np.bool_] | None:
        """Return which of the passages are not removed; None if all of them."""
        return None if self.part.removed is None else ~self.part.removed[self.rows]

    def frequency(self) -> int:
        """Return how many of the passages are not removed."""
        if self.part.removed is None:
            return len(self.rows)
        gone = self.part.gone
        if 8 * len(gone) > len(self.rows):
            return len(self.rows) - int(self.part.removed[self.rows].sum())
        places = np.minimum(np.searchsorted(self.rows, gone), len(self.rows) - 1)
        return len(self.rows) - int((self.rows[places] == gone).sum())

    def then(self) -> np.float32:
        """Return the word's inverse document frequency at the segment's build."""
        weight: np.float32 = idf(len(self.part.lengths), np.array([len(self.rows)]))[0]
        return weight


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a question: its inverse document frequency in the whole, and its postings."""

    weight: np.float32
    postings: tuple[_Postings, ...]


class ChangedLexical:
    """Finds passages by words in all segments. Safe to use from threads."""

    def __init__(
        self,
        folders: Sequence[Path],
        firsts: Sequence[int],
        removed: NDArray[np.bool_],
        settings: LexicalSettings,
    ) -> None:
        self._settings = settings
        self._gone = np.flatnonzero(removed)
        lengths = [_lengths(folder) for folder in folders]
        self._size = len(removed)
        self._passages = self._size - len(self._gone)
        self._mean = mean_length(np.concatenate(lengths)[~removed])
        self._parts = []
        for folder, own, first, last in zip(folders, lengths, firsts, firsts[1:], strict=False):
            index, mean = LexicalIndex(folder, last - first, settings), mean_length(own)
            away = removed[first:last]
            gone = np.flatnonzero(away).astype(np.int32)
            ratios = self._ratios(own, mean)
            self._parts.append(
                _Part(index, own, first, mean, ratios, away if len(gone) else None, gone)
            )

    def _ratios(self, lengths: NDArray[np.int32], mean: float) -> NDArray[np.float32]:
        every = np.arange(int(lengths.max(initial=0)) + 1, dtype=np.int32)
        then = length_norm(self._settings, every, mean)
        now = length_norm(self._settings, every, self._mean)
        ratios = np.divide(now, then, out=np.ones_like(now), where=then > 0)
        found: NDArray[np.float32] = ratios.astype(np.float32)[lengths]
        return found

    def search(
        self, questions: Sequence[str], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids and scores of shape (len(questions), k), as `LexicalIndex.search` does."""
        ids = np.full((len(questions), k), -1, dtype=np.int64)
        scores = np.zeros((len(questions), k), dtype=np.float32)
        total = np.empty(self._size, dtype=np.float32)
        for number, question in enumerate(questions):
            words = [self._word(word) for word in self._parts[0].index.words(question)]
            if k > 0:
                chosen = self._candidates(words, k, total)
                exact = self._exact(words, chosen)
                order = np.argsort(-exact, kind="stable")[:k]
                ids[number, : len(order)] = chosen[order]
                scores[number, : len(order)] = exact[order]
        return ids, scores

    def _word(self, word: str) -> _Word:
        found = []
        for part in self._parts:
            if (postings := part.index.postings(word)) is not None:
                found.append(_Postings(part, *postings))
        frequency = np.array([sum(own.frequency() for own in found)])
        return _Word(idf(self._passages, frequency)[0], tuple(found))

    def _candidates(
        self, words: Sequence[_Word], k: int, total: NDArray[np.float32]
    ) -> NDArray[np.int64]:
        """Return in order the passages that may be among the best `k`, by rough scores."""
        total.fill(0)
        floor, heaviest = 0.0, np.float32(0)
        for word in words:
            for own in word.postings:
                scores = _rough(word.weight, own)
                np.add.at(total[own.part.first :], own.rows, scores)
                if word.weight >= heaviest:
                    live = own.live()
                    kept = scores if live is None else scores[live]
                    if len(kept) >= k:
                        # Scores only add up, so at least k passages reach the floor.
                        floor, heaviest = max(floor, float(kth_best(kept, k))), word.weight
        total[self._gone] = 0
        return at_least_top(total, k, floor, _ROUGH)

    def _exact(self, words: Sequence[_Word], chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the scores of passages, given in order, as a fresh build would have them."""
        total = np.zeros(len(chosen), dtype=np.float32)
        for word in words:
            for own in word.postings:
                near = own.part.among(chosen)
                rows = chosen[near] - own.part.first
                places = np.searchsorted(own.rows, rows)
                places[places == len(own.rows)] = 0
                held = own.rows[places] == rows
                lengths = own.part.lengths[rows[held]]
                count = self._counts(own, own.scores[places[held]], lengths)
                norm = length_norm(self._settings, lengths, self._mean)
                total[near][held] += (word.weight * (count / (norm + count))).astype(np.float32)
        return total

    def _counts(
        self, own: _Postings, scores: NDArray[np.float32], lengths: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Return how often the word is in each passage: score / idf = count / (count + norm)."""
        share = scores.astype(np.float64) / own.then()
        norm = length_norm(self._settings, lengths, own.part.mean)
        count: NDArray[np.float64] = np.rint(norm * share / np.maximum(1 - share, 1e-12))
        return np.maximum(count, 1.0)


def _lengths(folder: Path) -> NDArray[np.int32]:
    if not (folder / LENGTHS).is_file():
        raise InputError(f"{folder} is of an older version; build the index again.")
    return mapped(folder / LENGTHS)


def _rough(weight: np.float32, own: _Postings) -> NDArray[np.float32]:
    """Return what the word adds in the whole: share / (share + (1 - share) * ratio) * weight."""
    scores = own.scores * (np.float32(1) / own.then())
    ratios = own.part.ratios[own.rows]
    below = 1 - ratios
    below *= scores
    below += ratios
    scores /= below
    scores *= weight
    return scores
