"""Sorted runs: the words of some thousand texts counted, in one file, ready to be merged.

A run's postings (word, text, count) are sorted by word and then by text, so that those of any
range of words stand together. Readers take what they need of a file and keep it closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.files import publish
from indexing.words import WordSettings, spaced, terms

_HEAD = 4  # numbers at the start of a file: of texts, words, postings, bytes of words
_Array = NDArray[Any]


class Run:
    """A run on the disk. Words are numbered in their order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.texts, self.words, self.postings, self._bytes = map(
            int, np.fromfile(path, np.int64, _HEAD)
        )
        sizes = [8 * _HEAD, 8 * (self.words + 1), 8 * (self.words + 1), 4 * self.texts]
        sizes += [4 * self.postings, 4 * self.postings]
        self._starts = np.cumsum(sizes).tolist()

    def firsts(self, first: int, last: int) -> NDArray[np.int64]:
        """Return where the postings of a range of words begin, and where the last's end."""
        return self._read(0, np.int64, first, last + 1)

    def lengths(self) -> NDArray[np.int32]:
        """Return the number of counted words in each text."""
        return self._read(2, np.int32, 0, self.texts)

    def all_words(self, first: int, last: int) -> list[bytes]:
        """Return a range of the words, in UTF-8."""
        ends = self._read(1, np.int64, first, last + 1).tolist()
        data = self._read(5, np.uint8, ends[0], ends[-1]).tobytes()
        return [data[a - ends[0] : b - ends[0]] for a, b in pairwise(ends)]

    def rows_and_counts(self, first: int, last: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the text and the count of a range of postings."""
        return self._read(3, np.int32, first, last), self._read(4, np.int32, first, last)

    def _read(self, section: int, kind: Any, first: int, last: int) -> _Array:
        place = self._starts[section] + first * np.dtype(kind).itemsize
        return np.fromfile(self._path, kind, last - first, offset=place)


def write_run(texts: Iterable[str], settings: WordSettings, path: Path) -> None:
    """Count each text's words and write them sorted.

    Nearly all of the time is spent in Arrow and numpy, which let other threads work.
    """
    codes, starts, found = _numbered(texts)
    columns, words = _columns(found, settings)
    column = columns[codes]
    counted = column >= 0
    keys = column[counted] << 32
    rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))[counted]
    keys |= rows
    lengths = np.bincount(rows, minlength=len(starts) - 1)
    keys.sort()
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    keys, counts = keys[first], np.diff(first, append=len(keys))
    firsts = np.searchsorted(keys, np.arange(len(words) + 1) << 32)
    ends = np.cumsum([0, *map(len, words)], dtype=np.int64)
    sections: Sequence[tuple[Any, Any]] = (
        ([len(lengths), len(words), len(keys), ends[-1]], np.int64),
        (firsts, np.int64),
        (ends, np.int64),
        (lengths, np.int32),
        (keys & 0xFFFFFFFF, np.int32),
        (counts, np.int32),
    )
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        for values, kind in sections:
            file.write(np.asarray(values).astype(kind, copy=False).data)
        file.write(b"".join(words))
    publish(temporary, path)


def _numbered(texts: Iterable[str]) -> tuple[NDArray[np.int32], NDArray[np.int32], list[str]]:
    """Return each word's number in the order of the texts, each text's first, and the words."""
    import pyarrow.compute as pc

    split = pc.ascii_split_whitespace(_strings([spaced(text) for text in texts]))
    coded = split.flatten().dictionary_encode()
    words = coded.dictionary.to_pylist()
    return _values(coded.indices, np.int32), _values(split.offsets, np.int32), words


def _columns(found: Sequence[str], settings: WordSettings) -> tuple[NDArray[np.int64], list[bytes]]:
    """Return each found word's place among the sorted terms, -1 for those that do not count."""
    counted = terms(found, settings)
    words = sorted({term for term in counted if term})  # by code points, as their UTF-8 would be
    place: dict[str | None, int] = {word: number for number, word in enumerate(words)}
    columns = np.fromiter((place.get(term, -1) for term in counted), np.int64, len(counted))
    return columns, [word.encode() for word in words]


def _strings(values: Sequence[bytes]) -> Any:
    """Return an Arrow array of UTF-8; Arrow's own way would import pandas where there is one."""
    import pyarrow as pa

    ends = np.cumsum([0, *map(len, values)], dtype=np.int64)
    buffers = pa.py_buffer(ends), pa.py_buffer(b"".join(values))
    return pa.LargeStringArray.from_buffers(len(values), *buffers)


def _values(array: Any, kind: Any) -> _Array:
    """Return an Arrow array's numbers, likewise."""
    if not len(array):
        return np.empty(0, dtype=kind)
    return np.frombuffer(array.buffers()[1], kind, array.offset + len(array))[array.offset :]
