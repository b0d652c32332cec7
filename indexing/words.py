"""Text to the words that BM25 counts, the same for passages and questions.

Words are runs of letters, marks, digits and underscores, in lower case and without accents
("Beyoncé" meets "beyonce"). Single letters and digits count: they are names, sizes and years.
Scripts that put no spaces between words give overlapping pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

# Lucene's list for English. Question words are not in it: they are in titles ("The Who").
STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "for",
        "if",
        "in",
        "into",
        "is",
        "it",
        "no",
        "not",
        "of",
        "on",
        "or",
        "such",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "will",
        "with",
    ]
)

_ASCII_WORD = re.compile(r"[a-z0-9_]+")
_SIMPLE_WORD = re.compile(r"\w+")
# Text of these characters only (Latin, Greek, Cyrillic, punctuation, symbols) has no marks within
# words, so that the faster module does.
_NOT_SIMPLE = re.compile("[^\u0000-\u0482\u2000-\u20cf\u2100-\u2bff]")
_ACCENTS = re.compile("[\u0300-\u036f]+")


@dataclass(frozen=True, slots=True)
class WordSettings:
    """Whether to leave out English stop words."""

    stop_words: bool = True


Analyzer = Callable[[str], list[str]]
"""Turns a text into its words, in order."""


def analyzer(settings: WordSettings) -> Analyzer:
    """Return the function that makes words by these settings."""
    return partial(_words, stop_words=STOP_WORDS if settings.stop_words else frozenset())


def _words(text: str, stop_words: frozenset[str]) -> list[str]:
    found = _ASCII_WORD.findall(text.lower()) if text.isascii() else _unicode_words(text)
    return [word for word in found if word not in stop_words] if stop_words else found


def _unicode_words(text: str) -> list[str]:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    folded = unicodedata.normalize("NFKC", _ACCENTS.sub("", decomposed))
    if _NOT_SIMPLE.search(folded) is None:
        return _SIMPLE_WORD.findall(folded)
    word, unspaced = _patterns()
    words: list[str] = word.findall(folded)
    if unspaced.search(folded) is None:
        return words
    return [piece for word in words for piece in _pieces(word, unspaced)]


@cache
def _patterns() -> tuple[Any, Any]:
    """Return what matches a word, and a stretch of it in a script without spaces."""
    import regex

    unspaced = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u30fc\u3005"
    return regex.compile(r"[\p{L}\p{M}\p{N}_]+"), regex.compile(f"[{unspaced}]+")


def _pieces(word: str, unspaced: Any) -> list[str]:
    """Cut the unspaced stretches of a word into overlapping pairs of characters."""
    pieces: list[str] = []
    end = 0
    for match in unspaced.finditer(word):
        if match.start() > end:
            pieces.append(word[end : match.start()])
        run, end = match.group(), match.end()
        pieces += [run[i : i + 2] for i in range(max(1, len(run) - 1))]
    if end < len(word):
        pieces.append(word[end:])
    return pieces
