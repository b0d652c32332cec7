"""Merges sorted runs into bm25s' files: one matrix of scores, a column for each word.

The files are written from front to back: first the vocabulary, one stretch of the alphabet after
another, then the postings, some columns at a time.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.files import NpyWriter
from indexing.lexical import (
    DATA,
    INDICES,
    INDPTR,
    LENGTHS,
    PARAMETERS,
    VOCABULARY,
    WORD_ENDS,
    WORDS,
    LexicalSettings,
    idf,
    length_norm,
    mean_length,
)
from indexing.lexical_runs import Run

_WORDS = 1_000_000  # merged in memory at a time
_POSTINGS = 2_000_000  # merged in memory at a time, but for a single word that has more
_Columns = Sequence[NDArray[np.int32]]


def merge(runs: Sequence[Run], settings: LexicalSettings, work: Path, out: Path) -> None:
    """Write the files of the texts of all runs, one run's after another's."""
    columns = _open_columns(runs, work / "columns")
    words = _write_vocabulary(runs, columns, out)
    frequencies = np.zeros(words, dtype=np.int64)
    for run, own in zip(runs, columns, strict=True):
        frequencies[own] += np.diff(run.firsts(0, run.words))
    starts = np.concatenate([[0], np.cumsum(frequencies)])
    np.save(out / INDPTR, starts)
    _write_postings(runs, columns, starts, settings, out)
    _write_parameters(settings, sum(run.texts for run in runs), out)


def _open_columns(runs: Sequence[Run], path: Path) -> _Columns:
    """Return room, on the disk, for the column of each run's words."""
    bounds = np.cumsum([0, *(run.words for run in runs)]).tolist()
    if not bounds[-1]:
        return [np.empty(0, np.int32) for _ in runs]
    room = np.asarray(np.memmap(path, np.int32, "w+", shape=bounds[-1]))
    if hasattr(os, "posix_fallocate"):
        # Room that is not taken at once would end the process should the disk fill up.
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, room.nbytes)
    return [room[first:last] for first, last in pairwise(bounds)]


def _write_vocabulary(runs: Sequence[Run], columns: _Columns, out: Path) -> int:
    """Write the sorted words of all runs, fill in their columns, return how many there are."""
    count = length = 0
    with ExitStack() as files:
        words = files.enter_context(NpyWriter(out / WORDS, np.uint8))
        ends = files.enter_context(NpyWriter(out / WORD_ENDS, np.int64))
        vocabulary = files.enter_context((out / VOCABULARY).open("w", encoding="utf-8"))
        for merged in _stretches(runs, columns):
            joined = b"".join(merged)
            words.append(np.frombuffer(joined, np.uint8))
            ends.append(length + np.cumsum([len(word) for word in merged], dtype=np.int64))
            place = {word.decode(): count + number for number, word in enumerate(merged)}
            text = json.dumps(place, ensure_ascii=False)[1:-1]
            vocabulary.write((", " if count else "{") + text)
            count, length = count + len(merged), length + len(joined)
        vocabulary.write("}")
    return count


def _stretches(runs: Sequence[Run], columns: _Columns) -> Iterator[list[bytes]]:
    """Yield the distinct words in order, some at a time, and fill in each run's columns."""
    first = 0
    # bm25s' own vocabularies hold the empty word too.
    yield [b""]
    first += 1
    size = max(256, _WORDS // max(1, len(runs)))
    read = [0] * len(runs)
    waiting: list[list[bytes]] = [[] for _ in runs]
    while True:
        for number, run in enumerate(runs):
            if not waiting[number] and read[number] < run.words:
                last = min(read[number] + size, run.words)
                waiting[number] = run.all_words(read[number], last)
                read[number] = last
        # No run's unread words come before the last word that it has read.
        unfinished = [w[-1] for w, r, run in zip(waiting, read, runs, strict=True) if r < run.words]
        pivot = min(unfinished, default=None)
        ready = []
        for number, own in enumerate(waiting):
            cut = len(own) if pivot is None else bisect_right(own, pivot)
            ready.append(own[:cut])
            waiting[number] = own[cut:]
        merged = sorted(set().union(*ready))
        if not merged:
            return
        place = {word: first + number for number, word in enumerate(merged)}
        for number, own in enumerate(ready):
            end = read[number] - len(waiting[number])
            columns[number][end - len(own) : end] = [place[word] for word in own]
        first += len(merged)
        yield merged


def _write_postings(
    runs: Sequence[Run],
    columns: _Columns,
    starts: NDArray[np.int64],
    settings: LexicalSettings,
    out: Path,
) -> None:
    lengths = np.concatenate([run.lengths() for run in runs])
    np.save(out / LENGTHS, lengths.astype(np.int32))
    scores_of = _Scores(lengths, starts, settings)
    heads = [0] * len(runs)
    with NpyWriter(out / DATA, np.float32) as data, NpyWriter(out / INDICES, np.int32) as indices:
        for first, last in _column_blocks(starts):
            size = int(starts[last] - starts[first])
            scores, rows = np.empty(size, np.float32), np.empty(size, np.int32)
            free = starts[first:last] - starts[first]
            first_row = 0
            for number, run in enumerate(runs):
                begin, end = heads[number], int(np.searchsorted(columns[number], last))
                heads[number] = end
                if begin < end:
                    own = columns[number][begin:end]
                    firsts = run.firsts(begin, end)
                    row, count = run.rows_and_counts(int(firsts[0]), int(firsts[-1]))
                    each = np.diff(firsts)
                    # Column by column, this run's rows go behind those of the runs before it.
                    offset = free[own - first] - (firsts[:-1] - firsts[0])
                    places = np.arange(len(row)) + np.repeat(offset, each)
                    row += first_row
                    scores[places] = scores_of(np.repeat(own, each), row, count)
                    rows[places] = row
                    free[own - first] += each
                first_row += run.texts
            data.append(scores)
            indices.append(rows)


def _column_blocks(starts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield ranges of columns with so many postings that they fit into memory."""
    first, columns = 0, len(starts) - 1
    while first < columns:
        last = int(np.searchsorted(starts, starts[first] + _POSTINGS, side="right")) - 1
        last = max(first + 1, last)
        yield first, last
        first = last


class _Scores:
    """BM25 in Lucene's variant: idf * count / (count + k1 * (1 - b + b * length / mean))."""

    def __init__(
        self, lengths: NDArray[np.int32], starts: NDArray[np.int64], settings: LexicalSettings
    ) -> None:
        self._lengths = lengths
        self._mean = mean_length(lengths)
        self._idf = idf(len(lengths), np.diff(starts))
        self._settings = settings

    def __call__(
        self, columns: NDArray[np.int32], rows: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> NDArray[Any]:
        count = counts.astype(np.float64)
        norm = length_norm(self._settings, self._lengths[rows], self._mean)
        return self._idf[columns] * (count / (norm + count))


def _write_parameters(settings: LexicalSettings, passages: int, out: Path) -> None:
    parameters = {
        "k1": settings.k1,
        "b": settings.b,
        "delta": 0.5,
        "method": "lucene",
        "idf_method": "lucene",
        "dtype": "float32",
        "int_dtype": "int32",
        "num_docs": passages,
        "version": version("bm25s"),
        "backend": "numpy",
    }
    (out / PARAMETERS).write_text(json.dumps(parameters, indent=2), encoding="utf-8")
