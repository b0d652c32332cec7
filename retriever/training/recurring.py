"""Questions from plain text: words that stand in two passages of a document (Spider).

A window of words around one occurrence is the question, and the passage with another occurrence
answers it; in half of the questions the words themselves are taken out, so that matching words is
not enough (Ram et al. 2022, sections 3.1 and 3.2).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexing.words import STOP_WORDS

_WORD = re.compile(r"\w+")
_LONGEST, _SHORTEST = 10, 2  # words of a span
_WINDOW = (5, 30)  # words of a question


@dataclass(frozen=True, slots=True)
class SpanQuestion:
    """A question with the numbers of passages that have its span, and of one that has not.

    The passage that the question was taken from is not among them.
    """

    text: str
    span: str
    positives: tuple[int, ...]
    negatives: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Text:
    """A passage: its text, the ranges of its words, and the words in lower case."""

    text: str
    ranges: list[tuple[int, int]]
    words: list[str]


Span = tuple[str, ...]
Places = dict[int, int]
"""The first word of a span, by the passages it stands in."""


def span_questions(passages: Sequence[str], generator: np.random.Generator) -> list[SpanQuestion]:
    """Return a question for each passage of a document that shares a span with another one."""
    texts = [_cut(text) for text in passages]
    spans = recurring_spans([text.words for text in texts])
    by_passage: defaultdict[int, list[Span]] = defaultdict(list)
    for span, places in spans.items():
        for number in places:
            by_passage[number].append(span)
    found = []
    for number in sorted(by_passage):
        own = by_passage[number]
        span = own[int(generator.integers(len(own)))]
        places = spans[span]
        others = tuple(other for other in places if other != number)
        without = [other for other in range(len(texts)) if other not in places]
        negatives = (int(generator.choice(without)),) if without else ()
        text = _window(texts[number], places[number], len(span), generator)
        found.append(SpanQuestion(text, " ".join(span), others, negatives))
    return found


def _cut(text: str) -> _Text:
    matches = list(_WORD.finditer(text))
    words = [match.group().lower() for match in matches]
    return _Text(text, [match.span() for match in matches], words)


def recurring_spans(passages: Sequence[Sequence[str]]) -> dict[Span, Places]:
    """Return runs of words that stand in two passages or more, none within a longer one of them.

    Spans neither begin nor end with a stop word, and hold a letter.
    """
    kept: dict[Span, Places] = {}
    inner: set[tuple[Span, frozenset[int]]] = set()  # within a longer one, at all its places
    for length in range(_LONGEST, _SHORTEST - 1, -1):
        found: defaultdict[Span, Places] = defaultdict(dict)
        for number, words in enumerate(passages):
            for first in range(len(words) - length + 1):
                found[tuple(words[first : first + length])].setdefault(number, first)
        for span, places in found.items():
            if len(places) < 2:
                continue
            covered = (span, frozenset(places)) in inner
            if not covered and not _says_something(span):
                continue
            if not covered:
                kept[span] = places
            inner |= {(part, frozenset(places)) for part in (span[:-1], span[1:])}
    return kept


def _says_something(span: Span) -> bool:
    edges = {span[0], span[-1]}
    return not edges & STOP_WORDS and any(not word.isdecimal() for word in span)


def _window(text: _Text, first: int, length: int, generator: np.random.Generator) -> str:
    """Return some words around a span, and the span itself in half of the cases."""
    last = first + length - 1
    size = max(length, int(generator.integers(_WINDOW[0], _WINDOW[1] + 1)))
    before = int(generator.integers(size - length + 1))
    begin = max(0, first - before)
    end = min(len(text.words) - 1, begin + size - 1)
    left, right = text.ranges[begin][0], text.ranges[max(end, last)][1]
    alone = begin == first and end <= last
    if alone or generator.random() < 0.5:
        return text.text[left:right]
    start, stop = text.ranges[first][0], text.ranges[last][1]
    parts = (text.text[left:start].strip(), text.text[stop:right].strip())
    return " ".join(part for part in parts if part)
