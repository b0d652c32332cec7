"""Text to the words that BM25 counts, the same for passages and questions.

Words are runs of letters, marks, digits and underscores, in lower case and without accents
("Beyoncé" meets "beyonce"), soft hyphens and word joiners. Single letters and digits count: they
are names, sizes and years. Scripts that put no spaces between words give overlapping pairs of
characters.

There are two steps. `spaced` finds the words of a text; `terms` says what is counted for a word,
whatever stands around it, so that a builder can ask once for each word of its vocabulary.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any

from indexing.errors import InputError

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

_KEPT = string.ascii_letters + string.digits + "_"
# For UTF-8: ASCII letters in lower case, all other ASCII but digits and the underscore a space.
_SPACED = bytes(
    ord(chr(byte).lower()) if chr(byte) in _KEPT else ord(" ") for byte in range(128)
) + bytes(range(128, 256))
_LONGER = re.compile("[^\x00-\x7f]+")
# Folded text of these characters only (Latin, Greek, Cyrillic, punctuation, symbols) has no marks
# within words and no script without spaces, so that the faster module does.
_NOT_SIMPLE = re.compile("[^\u0000-\u0482\u2000-\u20cf\u2100-\u2bff]")
_NOT_IN_WORDS = re.compile(r"\W")
# Accents, and the soft hyphen, word joiner and byte order mark, which nobody sees within a word.
_DROPPED = re.compile("[\u00ad\u0300-\u036f\u2060\ufeff]+")
_SHORT = 32  # characters: a word that may come again


@dataclass(frozen=True, slots=True)
class WordSettings:
    """Whether to leave out English stop words, and the Snowball language that stems, if any."""

    stop_words: bool = True
    stemmer: str | None = None

    def __post_init__(self) -> None:
        if self.stemmer is not None and self.stemmer not in stemmers():
            known = ", ".join(stemmers())
            raise InputError(f"The stemmer {self.stemmer!r} is not known; choose one of {known}.")


Analyzer = Callable[[str], list[str]]
"""Turns a text into its words, in order."""


def analyzer(settings: WordSettings) -> Analyzer:
    """Return the function that makes words by these settings. Safe to use from threads."""
    return partial(_words, settings=settings)


def stemmers() -> list[str]:
    """Return the names of the Snowball stemmers (Porter 2001)."""
    import Stemmer

    names: list[str] = Stemmer.algorithms()
    return names


def spaced(text: str) -> bytes:
    """Return the words of a text with spaces around them, in UTF-8.

    What stands between ASCII characters is folded by itself: Unicode composes no ASCII character
    with what follows, but for accents, which are dropped.
    """
    if not text.isascii():
        text = _LONGER.sub(_folded, text)
    return text.encode().translate(_SPACED)


def terms(words: Sequence[str], settings: WordSettings) -> list[str | None]:
    """Return what is counted for each word: its stem, itself, or nothing (a stop word)."""
    stems = _stems(words, settings.stemmer) if settings.stemmer else words
    if not settings.stop_words:
        return list(stems)
    return [None if word in STOP_WORDS else stem for word, stem in zip(words, stems, strict=True)]


def _words(text: str, settings: WordSettings) -> list[str]:
    found = spaced(text).decode().split()
    return [term for term in terms(found, settings) if term is not None]


def _stems(words: Sequence[str], language: str) -> Sequence[str]:
    import Stemmer

    # Made for each call, because threads may not share one; without its cache that is cheap.
    stems: list[str] = Stemmer.Stemmer(language, 0).stemWords(words)
    return stems


def _folded(match: re.Match[str]) -> str:
    run = match.group()
    return _fold_again(run) if len(run) <= _SHORT else _fold(run)


def _fold(run: str) -> str:
    """Return a run of longer characters folded, with a space for each that is in no word."""
    decomposed = unicodedata.normalize("NFKD", run).casefold()
    folded = unicodedata.normalize("NFKC", _DROPPED.sub("", decomposed))
    if _NOT_SIMPLE.search(folded) is None:
        return _NOT_IN_WORDS.sub(" ", folded)
    outside, unspaced = _patterns()
    bare: str = outside.sub(" ", folded)
    pairs: str = unspaced.sub(_pairs, bare)
    return pairs


_fold_again = lru_cache(maxsize=1 << 16)(_fold)


@cache
def _patterns() -> tuple[Any, Any]:
    """Return what matches a character outside words, and a stretch without spaces."""
    import regex

    unspaced = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u30fc\u3005"
    return regex.compile(r"[^\p{L}\p{M}\p{N}_]"), regex.compile(f"[{unspaced}]+")


def _pairs(match: Any) -> str:
    """Return a stretch without spaces as its overlapping pairs of characters."""
    run = match.group()
    return f" {' '.join(run[i : i + 2] for i in range(max(1, len(run) - 1)))} "
