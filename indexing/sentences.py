"""Sentence boundaries by rules, with exact offsets, in any script."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CLOSING = "\"'\u2019\u201d\u00bb\u203a)\\]}\u300d\u300f\uff09\u3011\u3009\u300b"
# Western ends need a space after them; others (CJK, Devanagari, Arabic, ...) do not.
_CANDIDATE = re.compile(
    rf"(?P<western>(?<![.!?\u2026])[.!?\u2026]++)[{_CLOSING}]*+(?:\[\d+\])*(?=\s)"
    rf"|[\u3002\uff01\uff1f\uff61\uff0e\u0964\u0965\u061f\u06d4\u1362\u0589\u104b\u17d4]"
    rf"[\u3002\uff01\uff1f\uff61\uff0e]*+[{_CLOSING}]*+"
    r"|\n\s*"
)
_ABBREVIATIONS = re.compile(
    r"mr|mrs|ms|dr|prof|st|sr|jr|gen|col|lt|sgt|capt|maj|rev|hon|gov|sen|"
    r"rep|pres|messrs|mme|mlle|eds|trans|est|ca|c|cf|viz|vs|approx|dept|co|"
    r"bros|mt|ft|ave|blvd|rd|e\.g|i\.e|u\.s|u\.k|u\.n|ph\.d|d\.c|bzw|z\.b",
    re.IGNORECASE,
)
_BEFORE_NUMBERS = re.compile(
    r"no|nos|vol|vols|p|pp|ch|fig|figs|sec|art|v|r|nr|jan|feb|mar|apr|jun|"
    r"jul|aug|sep|sept|oct|nov|dec",
    re.IGNORECASE,
)
_LAST_WORD = re.compile(r"([^\W\d_]+(?:\.[^\W\d_]+)*)\Z")
_WRAPPED = range(45, 130)  # the length of lines that some editor broke at a margin
_ITEM = re.compile(r"(?:[-*+\u2022#>|=]|\d{1,3}[.)])\s")
_CONTEXT = 2000


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the sentences of text[start:end], without spaces around them."""
    stop = len(text) if end is None else end
    first = start
    for match in _CANDIDATE.finditer(text, start, stop):
        if match.start() >= first and _ends(text, match, first):
            found = _trimmed(text, first, match.end())
            if found is not None:
                yield found
            first = match.end()
    found = _trimmed(text, first, stop)
    if found is not None:
        yield found


def sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the range of the sentence, or sentences, that hold text[start:end].

    The range always holds the one given. Only the text nearby is looked at, so that it costs
    the same in a passage and in a book.
    """
    low = max(0, start - _CONTEXT)
    high = min(len(text), end + _CONTEXT)
    first, last = start, end
    for begin, finish in sentences(text, low, high):
        if begin >= end and begin > start:
            break
        if finish > start:
            first, last = min(first, begin), max(last, finish)
    return first, last


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    piece = text[start:end]
    kept = piece.lstrip()
    if not kept:
        return None
    start += len(piece) - len(kept)
    return start, start + len(kept.rstrip())


def _ends(text: str, match: re.Match[str], first: int) -> bool:
    """Whether a candidate ends the sentence that began at `first`."""
    mark = match["western"]
    if mark is None:
        return "\n" not in match[0] or _line_ends(text, match)
    if _goes_on(text, match.end()):
        return False
    return mark != "." or not _is_abbreviation(text, match, first)


def _is_abbreviation(text: str, match: re.Match[str], first: int) -> bool:
    """Whether the word before a full stop does not stand at a sentence's end."""
    found = _LAST_WORD.search(text, max(first, match.start() - 20), match.start())
    if found is None:
        return False
    word = found[1]
    if len(word) == 1 and word.isupper() and word != "I":
        return True  # an initial: J. R. R. Tolkien
    if _BEFORE_NUMBERS.fullmatch(word):
        return text[match.end() : match.end() + 3].lstrip()[:1].isdigit()
    return _ABBREVIATIONS.fullmatch(word) is not None


def _goes_on(text: str, position: int) -> bool:
    """Whether the next word on the line begins in lower case, as no sentence does."""
    after = text[position : position + 20].lstrip(" \t")
    return after[:1].islower()


def _line_ends(text: str, match: re.Match[str]) -> bool:
    """Whether a line end is a sentence's end rather than the work of an editor's margin."""
    if match[0].count("\n") > 1 or match.end() == len(text):
        return True
    line = match.start() - text.rfind("\n", 0, match.start()) - 1
    after = text[match.end() : match.end() + 8]
    if _ITEM.match(after) or text[match.start() - 1 : match.start()] in (":", ";"):
        return True
    return not (after[:1].islower() or line in _WRAPPED)
