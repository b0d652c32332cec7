"""BM25 over several segments and without removed passages, as if they were one index.

Each segment's scores were worked out with its own numbers of passages, words' frequencies and
mean length. Those of the whole are known when the index is opened, and a score tells the count of
the word that it came from (Lù 2024 stores scores; the count is their inverse). So each posting is
scored again for the whole, and equals what a fresh build of the same documents would store.
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
    idf,
    length_norm,
    mapped,
    mean_length,
    top,
)


@dataclass(frozen=True, slots=True)
class _Part:
    """A segment: its passages begin at id `first`; `mean` is their mean length at its build."""

    index: LexicalIndex
    lengths: NDArray[np.int32]
    first: int
    mean: float


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
        self._removed = removed
        self._parts = []
        for folder, first, last in zip(folders, firsts, firsts[1:], strict=False):
            if not (folder / LENGTHS).is_file():
                raise InputError(f"{folder} is of an older version; build the index again.")
            lengths = mapped(folder / LENGTHS)
            index = LexicalIndex(folder, last - first, settings)
            self._parts.append(_Part(index, lengths, first, mean_length(lengths)))
        live = ~removed
        self._passages = int(live.sum())
        every = np.concatenate([part.lengths for part in self._parts])
        self._mean = mean_length(every[live])

    def search(
        self, questions: Sequence[str], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids and scores of shape (len(questions), k), as `LexicalIndex.search` does."""
        ids = np.full((len(questions), k), -1, dtype=np.int64)
        scores = np.zeros((len(questions), k), dtype=np.float32)
        total = np.empty(len(self._removed), dtype=np.float32)
        for number, question in enumerate(questions):
            total.fill(0)
            for word in self._parts[0].index.words(question):
                self._add(word, total)
            best = top(total, k) if k > 0 else np.empty(0, np.int64)
            ids[number, : len(best)] = best
            scores[number, : len(best)] = total[best]
        return ids, scores

    def _add(self, word: str, total: NDArray[np.float32]) -> None:
        """Add what a word is worth to the totals of the passages that hold it."""
        found = []
        frequency = 0
        for part in self._parts:
            if (postings := part.index.postings(word)) is not None:
                rows, scores = postings
                kept = ~self._removed[part.first + rows]
                frequency += int(kept.sum())
                found.append((part, rows, scores, kept))
        weight = idf(self._passages, np.array([frequency]))[0]
        for part, rows, scores, kept in found:
            lengths = part.lengths[rows[kept]]
            count = self._counts(part, scores[kept], lengths, len(rows))
            norm = length_norm(self._settings, lengths, self._mean)
            np.add.at(
                total, part.first + rows[kept], (weight * (count / (norm + count))).astype("f4")
            )

    def _counts(
        self, part: _Part, scores: NDArray[np.float32], lengths: NDArray[np.int32], frequency: int
    ) -> NDArray[np.float64]:
        """Return how often the word is in each passage: score / idf = count / (count + norm)."""
        then = idf(len(part.lengths), np.array([frequency]))[0]
        share = scores.astype(np.float64) / then
        norm = length_norm(self._settings, lengths, part.mean)
        count: NDArray[np.float64] = np.rint(norm * share / np.maximum(1 - share, 1e-12))
        return np.maximum(count, 1.0)
