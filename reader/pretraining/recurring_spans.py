"""Recurring span selection (Ram et al. 2021, section 3): the masked spans are the questions.

Where words occur twice or more in a segment, all occurrences but one are replaced by a question
piece each, and the model is to find the one that was left.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from reader.pretraining.span_masking import word_borders
from reader.pretraining.vocabulary import Vocabulary

LONGEST = 10  # words
QUESTIONS = 30  # in a segment, at most

Cluster = list[tuple[int, int]]
"""The half-open ranges of pieces at which the same words stand, in order."""


@dataclass(frozen=True, slots=True)
class RecurringSegment:
    """A segment `[CLS] pieces [SEP]` with question pieces.

    `ids` is (length,); `questions` is (questions, 3): the position of a question piece, and the
    first and last (inclusive) position of its answer.
    """

    ids: NDArray[np.int32]
    questions: NDArray[np.int64]


def find_clusters(pieces: NDArray[np.int32], vocabulary: Vocabulary) -> list[Cluster]:
    """Return the recurring spans of whole words, maximal and not of stop words alone.

    Longer spans come first: an occurrence that lies within an occurrence of a longer recurring
    span, or overlaps one, does not count again.
    """
    borders = word_borders(pieces, vocabulary).tolist()
    count = len(borders) - 1
    listed = pieces.tolist()
    words = [tuple(listed[a:b]) for a, b in pairwise(borders)]
    content = [bool(vocabulary.content[pieces[a:b]].any()) for a, b in pairwise(borders)]
    repeats = _repeats(words)
    covered = [False] * count
    clusters: list[Cluster] = []
    for length in range(len(repeats), 0, -1):
        for places in repeats[length - 1]:
            if not any(content[places[0] : places[0] + length]):
                continue
            free: list[int] = []
            for place in places:
                apart = not free or place >= free[-1] + length
                if apart and not any(covered[place : place + length]):
                    free.append(place)
            if len(free) < 2:
                continue
            for place in free:
                covered[place : place + length] = [True] * length
            clusters.append([(borders[place], borders[place + length]) for place in free])
    return clusters


def _repeats(words: list[tuple[int, ...]]) -> list[list[list[int]]]:
    """Return, for 1 to LONGEST words, the places of every n-gram that occurs twice or more."""
    found: list[list[list[int]]] = []
    candidates = list(range(len(words)))
    for length in range(1, LONGEST + 1):
        places: defaultdict[tuple[tuple[int, ...], ...], list[int]] = defaultdict(list)
        for place in candidates:
            places[tuple(words[place : place + length])].append(place)
        repeated = [where for where in places.values() if len(where) > 1]
        if not repeated:
            break
        found.append(repeated)
        # Only what recurs can be the start of something longer that recurs.
        starts = sorted(place for where in repeated for place in where)
        candidates = [place for place in starts if place + length < len(words)]
    return found


def question_segment(
    pieces: NDArray[np.int32], vocabulary: Vocabulary, generator: np.random.Generator
) -> RecurringSegment | None:
    """Turn recurring spans of a segment into questions; None if it has none.

    Clusters come in random order until there are `QUESTIONS` questions; which occurrence of a
    cluster stays is random too.
    """
    clusters = find_clusters(pieces, vocabulary)
    replaced: list[tuple[int, int, tuple[int, int]]] = []
    for number in generator.permutation(len(clusters)).tolist():
        cluster = clusters[number]
        room = QUESTIONS - len(replaced)
        if room <= 0:
            break
        kept = int(generator.integers(len(cluster)))
        others = [span for i, span in enumerate(cluster) if i != kept][:room]
        replaced += [(start, end, cluster[kept]) for start, end in others]
    if not replaced:
        return None
    return _replace(pieces, sorted(replaced), vocabulary)


def _replace(
    pieces: NDArray[np.int32],
    replaced: list[tuple[int, int, tuple[int, int]]],
    vocabulary: Vocabulary,
) -> RecurringSegment:
    parts: list[NDArray[np.int32]] = [np.asarray([vocabulary.cls], dtype=np.int32)]
    moved = np.zeros(len(pieces) + 1, dtype=np.int64)  # new position of each old one
    length, last = 1, 0
    positions = []
    for start, end, _ in replaced:
        moved[last:start] = length + np.arange(start - last)
        positions.append(length + start - last)
        parts += [pieces[last:start], np.asarray([vocabulary.question], dtype=np.int32)]
        length, last = length + start - last + 1, end
    moved[last : len(pieces)] = length + np.arange(len(pieces) - last)
    parts += [pieces[last:], np.asarray([vocabulary.sep], dtype=np.int32)]
    questions = [
        (position, int(moved[first]), int(moved[end - 1]))
        for position, (_, _, (first, end)) in zip(positions, replaced, strict=True)
    ]
    return RecurringSegment(np.concatenate(parts), np.asarray(questions, dtype=np.int64))
