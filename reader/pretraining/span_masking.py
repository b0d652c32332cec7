"""Span masking: which words are masked, and by what (Joshi et al. 2020, section 3.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reader.pretraining.settings import MaskingSettings
from reader.pretraining.vocabulary import Vocabulary

_TRIES = 20  # for a free place; a span that finds none in a nearly full text is left out


@dataclass(frozen=True, slots=True)
class MaskedSegment:
    """A segment `[CLS] pieces [SEP]` with its masked spans.

    `ids` (length,) is what the model sees, `original` (length,) what was there. `spans` is
    (spans, 2): half-open ranges of positions, in order, apart from each other by a word or more,
    so that both neighbours of a span can always be seen.
    """

    ids: NDArray[np.int32]
    original: NDArray[np.int32]
    spans: NDArray[np.int64]


def length_distribution(p: float, longest: int) -> NDArray[np.float64]:
    """Return the probabilities of 1 to `longest` words: geometric, cut off and renormalised.

    With p = 0.2 and 10 words the mean is 3.8, as in the paper (a clamp to 10 would give 4.5).
    """
    weights = p * (1 - p) ** np.arange(longest)
    return np.asarray(weights / weights.sum())


def mask_segment(
    pieces: NDArray[np.int32],
    vocabulary: Vocabulary,
    settings: MaskingSettings,
    generator: np.random.Generator,
) -> MaskedSegment:
    """Mask spans of a segment of at least one piece; new ones for every state of the generator."""
    original = np.empty(len(pieces) + 2, dtype=np.int32)
    original[0], original[1:-1], original[-1] = vocabulary.cls, pieces, vocabulary.sep
    borders = word_borders(pieces, vocabulary) + 1
    spans = choose_spans(borders, settings, generator)
    ids = original.copy()
    kinds = generator.random(len(spans))
    for (start, end), kind in zip(spans.tolist(), kinds.tolist(), strict=True):
        if kind < settings.masked:
            ids[start:end] = vocabulary.mask
        elif kind < settings.masked + settings.random:
            ids[start:end] = generator.choice(vocabulary.ordinary, end - start)
    return MaskedSegment(ids, original, spans)


def word_borders(pieces: NDArray[np.int32], vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Return where words start, and the end: word `i` is `[borders[i], borders[i + 1])`.

    A segment that begins within a word begins with what is left of it.
    """
    starts = ~vocabulary.continuations[pieces]
    starts[0] = True
    return np.append(np.flatnonzero(starts), len(pieces))


def choose_spans(
    borders: NDArray[np.int64], settings: MaskingSettings, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draw spans of whole words until the budget of pieces is spent; the last one is cut to fit.

    Lengths are drawn first and keep their distribution: a span that meets another one moves
    elsewhere, it does not shrink. Starts are uniform over the free places.

    Args:
        borders: (words + 1,), as from `word_borders`.
        settings: the budget and the distribution.
        generator: the source of chance.

    Returns:
        Half-open ranges of positions, (spans, 2), sorted.
    """
    words = len(borders) - 1
    edges: list[int] = borders.tolist()
    budget = math.ceil(settings.rate * (edges[-1] - edges[0]))
    cumulative = np.cumsum(length_distribution(settings.p, settings.longest))
    # A span takes one piece or more, so there are never more spans than the budget.
    lengths = np.searchsorted(cumulative, generator.random(budget), side="right") + 1
    taken = bytearray(words + 2)  # words 1 to n, with an empty place on both sides
    spans: list[tuple[int, int]] = []
    for drawn in lengths.tolist():
        length = min(drawn, words, settings.longest)
        start = _free_place(taken, length, words, generator)
        if start is None:
            continue
        while length and edges[start + length] - edges[start] > budget:
            length -= 1
        if length:
            taken[start + 1 : start + length + 1] = b"\1" * length
            spans.append((edges[start], edges[start + length]))
            budget -= edges[start + length] - edges[start]
        if not length or not budget:
            break
    return np.asarray(sorted(spans), dtype=np.int64).reshape(-1, 2)


def _free_place(
    taken: bytearray, length: int, words: int, generator: np.random.Generator
) -> int | None:
    """Return a word from which `length` words and both their neighbours are free."""
    for _ in range(_TRIES):
        start = int(generator.random() * (words - length + 1))
        if taken.find(1, start, start + length + 2) < 0:
            return start
    return None
