"""Runs of eight words, by which passages of one text are known again in another."""

from __future__ import annotations

import re
from collections.abc import Iterable
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

N = 8
_WORD = re.compile(r"\w+")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
Runs = NDArray[np.uint64]


def word_runs(text: str) -> Runs:
    """Return the distinct 64-bit hashes of all runs of eight lower-cased words, sorted.

    A text of fewer words counts as one run.
    """
    words = _WORD.findall(text.lower())
    # Two checksums make 64 bits a word; Python's own hash differs from run to run.
    codes = [(crc32(word.encode()) << 32) | crc32(word[::-1].encode(), 1) for word in words]
    numbers = np.array(codes, dtype=np.uint64)
    size = min(N, len(numbers))
    mixed = np.zeros(len(numbers) - size + 1 if size else 0, dtype=np.uint64)
    for offset in range(size):
        mixed = mixed * _MULTIPLIER + numbers[offset : offset + len(mixed)]
    return np.unique(mixed)


def runs_of(texts: Iterable[str]) -> Runs:
    """Return the distinct runs of all texts, sorted."""
    parts = [word_runs(text) for text in texts]
    return np.unique(np.concatenate(parts)) if parts else word_runs("")


def share_known(runs: Runs, known: Runs) -> float:
    """Return which share of `runs` stands in `known`, which is sorted; 0 for none."""
    if not len(runs) or not len(known):
        return 0.0
    places = np.searchsorted(known, runs)
    return float((known[np.minimum(places, len(known) - 1)] == runs).mean())
