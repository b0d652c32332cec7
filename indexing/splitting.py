"""Cuts documents into passages: ranges of code points, exact in any script.

A word is a run of characters between spaces, as in DPR's passages of 100 words. Two rules keep
passages readable where there are no spaces: two ideographs or kana, and four letters (with their
marks) of Thai, Lao, Burmese or Khmer, count as a word; and so do each 64 characters of a longer
run. A range never begins or ends with a space, and never is empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from indexing.documents import Document
from indexing.errors import InputError
from indexing.graph.facts import is_graph_document
from indexing.headings import headings
from indexing.sentences import sentences

Range = tuple[int, int]

_IDEOGRAPHS = "\u2e80-\u2fdf\u3005-\u3007\u3021-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
_IDEOGRAPHS += "\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff"
_SOUTH_EAST = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f"
_MARKS = (
    "\u0e31\u0e33-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb3-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059"
)
_MARKS += "\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u17b4-\u17d3\u17dd"
_MARKS += "\u3099\u309a\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef"

_SPACED = r"\S{1,64}+"
_MIXED = (
    f"(?:[{_IDEOGRAPHS}][{_MARKS}]*+){{1,2}}+"
    f"|(?:[{_SOUTH_EAST}][{_MARKS}]*+){{1,4}}+"
    rf"|[^\s{_IDEOGRAPHS}{_SOUTH_EAST}]{{1,64}}+"
)
_UNSPACED = re.compile(f"[{_IDEOGRAPHS}{_SOUTH_EAST}]")
_WORDS = {False: re.compile(_SPACED), True: re.compile(_MIXED)}

_MOST_WORDS = 1_000_000_000  # regular expressions count to four times as many
METHODS = ("words", "sentences", "headings")


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """How to cut: by "words", whole "sentences" or "headings"; at most `words` words a passage.

    Passages start `stride` words apart; less than `words` makes them overlap. Sentences do not
    overlap, whatever the stride, but for sentences too long for one passage.
    """

    method: Literal["words", "sentences", "headings"] = "words"
    words: int = 100
    stride: int = 100

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(
                f"The splitting method {self.method!r} is not known; "
                f"choose one of {', '.join(METHODS)}."
            )
        if self.words < 1:
            raise InputError(f"A passage needs at least one word, not {self.words}.")
        if self.words > _MOST_WORDS:
            raise InputError(
                f"A passage has at most {_MOST_WORDS:,} words, not {self.words:,}; "
                "that many leave every document whole."
            )
        if not 1 <= self.stride <= self.words:
            raise InputError(
                f"The stride of {self.stride} words must be from 1 to the {self.words} words of "
                "a passage, or text between passages is lost."
            )


def split(document: Document, settings: SplitSettings) -> list[Range]:
    """Return the ranges of a document's passages, in order."""
    text = document.text
    if is_graph_document(document):  # a sentence a line, whatever full stops there are in names
        return list(_packed(text, _lines(text), settings))
    if settings.method == "sentences":
        return list(_packed(text, sentences(text), settings))
    if settings.method == "headings":
        return [
            found
            for start, end in _sections(text)
            for found in _windows(text, settings, start, end)
        ]
    return _windows(text, settings, 0, len(text))


def _words_of(text: str) -> re.Pattern[str]:
    return _WORDS[not text.isascii() and _UNSPACED.search(text) is not None]


def _windows(text: str, settings: SplitSettings, start: int, end: int) -> list[Range]:
    """Return windows of words of text[start:end]."""
    word = _words_of(text)
    if settings.stride == settings.words:
        window = _window_pattern(word, settings.words)
        return [match.span() for match in window.finditer(text, start, end)]
    found = [match.span() for match in word.finditer(text, start, end)]
    ranges = []
    for first in range(0, len(found), settings.stride):
        last = min(first + settings.words, len(found)) - 1
        ranges.append((found[first][0], found[last][1]))
        if last == len(found) - 1:
            break
    return ranges


def _window_pattern(word: re.Pattern[str], words: int) -> re.Pattern[str]:
    """Match a whole window at once: four times as fast as word by word. `re` caches it.

    The outer repeat is not possessive: in Python 3.11 such a repeat of a group may keep the space
    that its last, failed round took.
    """
    one = f"(?:{word.pattern})"
    return re.compile(rf"{one}(?:\s*+{one}){{0,{words - 1}}}")


def _packed(text: str, pieces: Iterable[Range], settings: SplitSettings) -> Iterator[Range]:
    """Yield as many whole sentences at a time as fit; cut a longer one into windows."""
    word = _words_of(text)
    start = end = count = 0
    for first, last in pieces:
        words = len(word.findall(text, first, last))
        if count and count + words > settings.words:
            yield start, end
            count = 0
        if words > settings.words:
            yield from _windows(text, settings, first, last)
            continue
        if not count:
            start = first
        end = last
        count += words
    if count:
        yield start, end


def _lines(text: str) -> Iterator[Range]:
    start = 0
    for line in text.split("\n"):
        yield start, start + len(line)
        start += len(line) + 1


def _sections(text: str) -> Iterator[Range]:
    """Yield what stands between headings, each with its heading; a bare heading joins the next."""
    start = 0
    body = 0  # the end of the last heading, where the section's body begins
    for first, last, _ in headings(text):
        if text[body:first].strip():
            yield start, first
            start = first
        body = last
    yield start, len(text)
