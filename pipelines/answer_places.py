"""Where right answers stand in a passage, for showing them."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.answer_match import cut, pattern_answers

Range = tuple[int, int]
"""A half-open range of code points."""


def answer_places(answers: Sequence[str], text: str, *, patterns: bool = False) -> list[Range]:
    """Return where the text holds one of the answers, in order, without overlaps.

    Plain answers are found by the tokens of `pipelines.answer_match`. Of overlapping places the
    earlier stays, and of two that begin together the longer.
    """
    found = _pattern_places(answers, text) if patterns else _token_places(answers, text)
    chosen: list[Range] = []
    for start, end in sorted(found, key=lambda place: (place[0], -place[1])):
        if end > start and (not chosen or start >= chosen[-1][1]):
            chosen.append((start, end))
    return chosen


def _token_places(answers: Sequence[str], text: str) -> list[Range]:
    pieces = cut(text)
    words = [word for word, _, _ in pieces]
    found = []
    for answer in answers:
        wanted = [word for word, _, _ in cut(answer)]
        for first in range(len(words) - len(wanted) + 1) if wanted else ():
            if words[first : first + len(wanted)] == wanted:
                found.append((pieces[first][1], pieces[first + len(wanted) - 1][2]))
    return found


def _pattern_places(answers: Sequence[str], text: str) -> list[Range]:
    return [
        found.span()
        for pattern in pattern_answers(answers).patterns
        for found in pattern.finditer(text)
    ]
