"""Kinds of questions, so that scores can be told apart by them.

- `kind`: the first question word: who (whose, whom too), when, where, which, what, why, how many
  (how much, how long, how old and the like), how; "yes or no" where the question begins with a
  verb such as "is" or "did"; else "other". "What year" and "which country" count as when and
  where, for that is what they ask for.
- `answer length`: the words of the shortest right answer, normalised as for exact match.
- `overlap`: the share of the question's words, without stop words and question words, that stand
  in the passage (Lewis et al. 2021 and SQuAD's authors use the like to tell easy from hard).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from indexing.words import WordSettings, analyzer
from pipelines.scores import AnswerScores, answer_scores
from reader.normalising import normalise_answer

Category = Mapping[str, str]
GROUPS = ("kind", "answer length", "overlap")

_TIME = r"(?:year|date|day|month|century|decade|time|season)"
_PLACE = r"(?:country|city|state|town|place|continent|county|province|island|river|location)"
_RULES = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("when", rf"\b(?:what|which)\s+{_TIME}s?\b"),
        ("where", rf"\b(?:what|which)\s+{_PLACE}\b|\b(?:what|which)\s+(?:cities|countries)\b"),
        (
            "how many",
            r"\bhow\s+(?:many|much|long|old|far|tall|big|large|high|deep|often|fast|heavy|wide)\b",
        ),
    )
)
_FIRST = re.compile(r"\b(who|whose|whom|when|where|which|what|why|how)(?:'?s|'re)?\b")
_YES_NO = re.compile(
    r"^(?:is|are|was|were|do|does|did|can|could|will|would|has|have|had|should|may)\b"
)
_QUESTION_WORDS = frozenset(
    ("who", "whose", "whom", "when", "where", "which", "what", "why", "how", "did", "does", "do")
)


def question_kind(question: str) -> str:
    """Return the kind by the first question word; see the top of this file."""
    text = question.strip().casefold().replace("\u2019", "'")
    first = _FIRST.search(text)
    if _YES_NO.match(text):
        return "yes or no"
    if first is None:
        return "other"
    for name, pattern in _RULES:
        found = pattern.search(text)
        if found is not None and found.start() <= first.start():
            return name
    return "who" if first[1] in {"whose", "whom"} else first[1]


def answer_length(answers: Sequence[str]) -> str:
    """Return the class of the shortest answer's length; "no answer" where there is none."""
    lengths = [len(normalise_answer(answer).split()) for answer in answers]
    if not lengths:
        return "no answer"
    shortest = max(1, min(lengths))
    if shortest <= 2:
        return f"{shortest} word" + "s" * (shortest > 1)
    return "3 to 5 words" if shortest <= 5 else "more than 5 words"


def overlap(question: str, passage: str) -> float | None:
    """Return the share of the question's content words that the passage has, 0 to 1.

    None where the question has none.
    """
    words = _content_words(question)
    return len(words & set(_cut()(passage))) / len(words) if words else None


def overlap_class(share: float | None) -> str:
    """Return the third that a share lies in; "none" where there is no share."""
    if share is None:
        return "none"
    return "low (below 1/3)" if share < 1 / 3 else "middle" if share < 2 / 3 else "high (2/3 up)"


def categorise(question: str, answers: Sequence[str], passage: str | None) -> dict[str, str]:
    """Return the question's category in each group; `passage` is the one to compare with."""
    share = None if passage is None else overlap(question, passage)
    return {
        "kind": question_kind(question),
        "answer length": answer_length(answers),
        "overlap": overlap_class(share),
    }


def by_category(
    records: Sequence[Mapping[str, Any]],
) -> dict[str, dict[str, AnswerScores]]:
    """Return exact match and F1 by group and category, the largest category first.

    Records have `category`, `exact_match` and `f1` (None for regular expressions).
    """
    found: dict[str, dict[str, AnswerScores]] = {}
    for group in GROUPS:
        parts: dict[str, list[Mapping[str, Any]]] = {}
        for record in records:
            parts.setdefault(record["category"][group], []).append(record)
        found[group] = {
            name: _scores(own) for name, own in sorted(parts.items(), key=lambda p: -len(p[1]))
        }
    return found


def _scores(records: Sequence[Mapping[str, Any]]) -> AnswerScores:
    f1 = [record["f1"] for record in records]
    return answer_scores([record["exact_match"] for record in records], None if None in f1 else f1)


@cache
def _cut() -> Callable[[str], list[str]]:
    return analyzer(WordSettings())


def _content_words(question: str) -> set[str]:
    return set(_cut()(question)) - _QUESTION_WORDS
