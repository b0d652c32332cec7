"""Builds the BM25 index: words counted part by part, then merged into bm25s' files.

Neither step holds the corpus in memory. Each part's counts are kept on the disk, so that a
build that was killed counts only what is left.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.files import publish
from indexing.lexical import (
    DATA,
    INDICES,
    INDPTR,
    PARAMETERS,
    VOCABULARY,
    WORD_ENDS,
    WORDS,
    LexicalSettings,
)
from indexing.passage_store import PassageStore
from indexing.words import Analyzer, analyzer

_PART = 20_000  # passages: some seconds of work, some tens of megabytes


def build_lexical(
    passages: PassageStore,
    settings: LexicalSettings,
    work: Path,
    out: Path,
    advance: Callable[[int], None],
) -> None:
    """Write bm25s' files for all passages to `out`; `work` keeps what a restart can use."""
    work.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    parts: list[Path] = []
    for first in range(0, len(passages), _PART):
        last = min(first + _PART, len(passages))
        path = work / f"{first:010d}.npz"
        if not path.exists():
            _count(_texts(passages, first, last, settings), analyzer(settings.words), path)
        parts.append(path)
        advance(last - first)
    _merge(parts, settings, out)


def _texts(
    passages: PassageStore, first: int, last: int, settings: LexicalSettings
) -> Iterator[str]:
    for title, text in passages.texts(first, last):
        yield f"{title} {text}" if settings.titles and title else text


def _count(texts: Iterable[str], words: Analyzer, path: Path) -> None:
    """Count each text's words and write them, sorted by word and then by text."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    number = numbers.__getitem__
    texts_words = [np.fromiter(map(number, words(text)), np.int64) for text in texts]
    lengths = np.array([len(one) for one in texts_words], dtype=np.int64)
    keys = np.concatenate(texts_words)
    keys <<= 32
    keys |= np.repeat(np.arange(len(lengths)), lengths)
    keys, counts = _unique(keys)
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(
            file,
            words=np.frombuffer("\n".join(numbers).encode(), dtype=np.uint8),
            word=(keys >> 32).astype(np.int32),
            row=(keys & 0xFFFFFFFF).astype(np.int32),
            count=counts.astype(np.int32),
            lengths=lengths.astype(np.int32),
        )
    publish(temporary, path)


def _unique(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the sorted distinct keys and how often each was there."""
    keys.sort()
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[first], np.diff(first, append=len(keys))


def _merge(parts: Sequence[Path], settings: LexicalSettings, out: Path) -> None:
    """Turn the parts' counts into one matrix of scores, a column for each word."""
    vocabulary, columns_of = _merge_words(parts)
    frequencies = np.zeros(len(vocabulary), dtype=np.int64)
    lengths: list[NDArray[np.int32]] = []
    for path, columns in zip(parts, columns_of, strict=True):
        with np.load(path) as part:
            frequencies[columns] += np.bincount(part["word"], minlength=len(columns))
            lengths.append(part["lengths"])
    total = sum(len(one) for one in lengths)
    mean_length = max(sum(int(one.sum()) for one in lengths) / total, 1e-9)
    idf = np.log1p((total - frequencies + 0.5) / (frequencies + 0.5)).astype(np.float32)
    starts = np.concatenate([[0], np.cumsum(frequencies)])
    scores = _new_array(out / DATA, np.float32, int(starts[-1]))
    rows = _new_array(out / INDICES, np.int32, int(starts[-1]))
    heads = starts[:-1].copy()
    first_row = 0
    for path, columns, part_lengths in zip(parts, columns_of, lengths, strict=True):
        with np.load(path) as part:
            word, row, count = part["word"], part["row"], part["count"].astype(np.float64)
        runs = np.bincount(word, minlength=len(columns))
        # Word by word, this part's rows go behind those of the parts before it.
        places = np.arange(len(word)) + np.repeat(heads[columns] - (np.cumsum(runs) - runs), runs)
        norm = settings.k1 * (1 - settings.b + settings.b * part_lengths[row] / mean_length)
        scores[places] = idf[columns][word] * (count / (norm + count))
        rows[places] = row + first_row
        heads[columns] += runs
        first_row += len(part_lengths)
    scores.flush()
    rows.flush()
    np.save(out / INDPTR, starts)
    _write_vocabulary(vocabulary, out)
    _write_parameters(settings, total, out)


def _merge_words(parts: Sequence[Path]) -> tuple[list[str], list[NDArray[np.int64]]]:
    """Return the sorted words of all parts, and for each part its words' places among them."""
    words = {""}  # bm25s' own vocabularies hold the empty word too
    for path in parts:
        words.update(_words_of(path))
    vocabulary = sorted(words)
    place = {word: number for number, word in enumerate(vocabulary)}
    columns = [np.fromiter(map(place.__getitem__, _words_of(path)), np.int64) for path in parts]
    return vocabulary, columns


def _words_of(path: Path) -> list[str]:
    with np.load(path) as part:
        text = part["words"].tobytes().decode()
    return text.split("\n") if text else []


def _new_array(path: Path, dtype: Any, length: int) -> np.memmap[Any, Any]:
    """Make a memory-mapped array whose room on the disk is taken at once.

    Without that, a disk that fills up later would end the process with a bus error.
    """
    array = np.lib.format.open_memmap(path, "w+", dtype, (length,))
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def _write_vocabulary(vocabulary: Sequence[str], out: Path) -> None:
    encoded = [word.encode() for word in vocabulary]
    np.save(out / WORDS, np.frombuffer(b"".join(encoded), dtype=np.uint8))
    np.save(out / WORD_ENDS, np.cumsum([len(word) for word in encoded], dtype=np.int64))
    columns = {word: column for column, word in enumerate(vocabulary)}
    (out / VOCABULARY).write_text(json.dumps(columns, ensure_ascii=False), encoding="utf-8")


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
