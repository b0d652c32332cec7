"""Does a passage hold an answer? DPR's definition, exact and fast.

Text and answer are normalised to NFD and cut into tokens: runs of letters, numbers and marks, or
single other characters that are neither separators nor control characters. An answer matches if
its lower-cased tokens are a run of the passage's (Karpukhin et al. 2020, section 5; the title is
not searched). Regular expressions, as in CuratedTREC, are searched in the NFD text instead.

One departure: an answer without any token never matches; read to the letter, it would match
every passage.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

from indexing.errors import InputError

if TYPE_CHECKING:
    import regex

    from indexing.documents import Passage

_PATTERN_FLAGS = re.IGNORECASE | re.UNICODE | re.MULTILINE


class AnswerKey(Protocol):
    """The right answers of one question, ready to be looked for in many texts."""

    def found_in(self, text: str) -> bool:
        """Whether the text holds one of the answers."""
        ...


@cache
def _token_pattern() -> regex.Pattern[str]:
    import regex

    return regex.compile(r"[\p{L}\p{N}\p{M}]+|[^\p{Z}\p{C}]")


def _normalised(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFD", text)


def tokens(text: str) -> list[str]:
    """Return the lower-cased tokens of the text's NFD form."""
    return [token.lower() for token in _token_pattern().findall(_normalised(text))]


def cut(text: str) -> list[tuple[str, int, int]]:
    """Return the text's tokens, in the form they are compared in, with their ranges in it.

    The token pattern takes letters and marks alike, so it cuts the text as stored and its NFD
    form at the same places.
    """
    return [
        (_normalised(match.group()).lower(), match.start(), match.end())
        for match in _token_pattern().finditer(text)
    ]


def joined(words: Sequence[str]) -> str:
    """Join tokens so that a run of tokens is a substring: no token holds a space."""
    return f" {' '.join(words)} "


@dataclass(frozen=True, slots=True)
class TextAnswers:
    """Plain answers. Make them with `text_answers`.

    `wanted` holds for each answer its tokens, case-folded, longest first, and all of them
    joined. A text without one of the folded tokens is passed over before the costly cutting into
    tokens. That changes no result: case folding works character by character, and equal
    lower-case forms have equal folded forms.
    """

    wanted: tuple[tuple[tuple[str, ...], str], ...]

    def found_in(self, text: str) -> bool:
        """Whether the tokens of one of the answers are a run of the text's tokens."""
        folded = _normalised(text).casefold()
        candidates = [run for parts, run in self.wanted if all(part in folded for part in parts)]
        if not candidates:
            return False
        searched = joined(tokens(text))
        return any(run in searched for run in candidates)


@dataclass(frozen=True, slots=True)
class PatternAnswers:
    """Regular expressions. Make them with `pattern_answers`."""

    patterns: tuple[re.Pattern[str], ...]

    def found_in(self, text: str) -> bool:
        """Whether one of the expressions is found anywhere in the text."""
        text = _normalised(text)
        return any(pattern.search(text) for pattern in self.patterns)


def text_answers(answers: Sequence[str]) -> TextAnswers:
    """Prepare plain answers; one without any token is left out, for it never matches."""
    cut = [words for words in map(tokens, answers) if words]
    return TextAnswers(tuple((_folded_parts(words), joined(words)) for words in cut))


def _folded_parts(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({word.casefold() for word in words}, key=len, reverse=True))


def pattern_answers(answers: Sequence[str]) -> PatternAnswers:
    """Prepare regular expressions (case-insensitive, multi-line), in NFD like the texts.

    Raises:
        InputError: one is not valid.
    """
    return PatternAnswers(tuple(_compiled(_decomposed(answer)) for answer in answers))


def _decomposed(pattern: str) -> str:
    r"""Return the expression in NFD, without backslashes before non-ASCII characters.

    Those do nothing, but NFD would turn a valid `\ě` (CuratedTREC has some) into a bad `\e`.
    """
    plain = re.sub(r"\\(.)", lambda m: m[0] if m[1].isascii() else m[1], pattern, flags=re.DOTALL)
    return _normalised(plain)


def pattern_match(prediction: str, answers: Sequence[str]) -> float:
    """Return 1.0 if one of the expressions matches at the prediction's start (DrQA's score)."""
    return float(any(_compiled(answer).match(prediction) for answer in answers))


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, _PATTERN_FLAGS)
    except re.error as error:
        raise InputError(
            f"The answer {pattern!r} is not a valid regular expression ({error}). Mend it, or "
            "evaluate the answers as plain text."
        ) from error


def has_answer(answers: Sequence[str], text: str) -> bool:
    """Whether the text holds one of the plain answers."""
    return text_answers(answers).found_in(text)


def first_match(key: AnswerKey, passages: Sequence[Passage]) -> int:
    """Return the 1-based rank of the first passage that holds an answer, or 0 for none."""
    return next((r for r, p in enumerate(passages, start=1) if key.found_in(p.text)), 0)
