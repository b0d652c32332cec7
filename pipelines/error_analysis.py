"""Which part is at fault for a wrong answer to an open question.

A miss gets the first fault that fits:

- `gold`: the answer is likely right, but the list of right answers lacks this form of it: after
  leaving out accents and writing number words as digits, one is a run of the other's words and
  their F1 is 0.5 or more ("Columbus" for "Christopher Columbus"). Some of these are cut too wide
  or too narrow instead: look at them. Not told apart for regular expressions.
- `retrieval`: none of the passages looked at, down to the greatest depth of recall, holds a right
  answer (`pipelines.answer_match`; where the corpus has none, this is the fault too).
- `depth`: a passage with a right answer was found, but further down than passages were read.
- `ranking`: such a passage was read, but the answer was taken from one that holds none, or no
  answer was given.
- `span`: the answer was taken from a passage with a right answer, but is another span of it.

Passages that hold a right answer's words by chance count as holding it, as in recall, so
retrieval's share is a lower bound and the shares of ranking and span are upper bounds.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, get_args

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics import f1
from pipelines.statistics import Interval, bootstrap_intervals
from reader.normalising import normalise_answer

Fault = Literal["gold", "retrieval", "depth", "ranking", "span"]
FAULTS: tuple[Fault, ...] = get_args(Fault)

_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen",
    "twenty thirty forty fifty sixty seventy eighty ninety",
)
_DIGITS = {word: str(n) for n, word in enumerate(_NUMBER_WORDS[0].split())} | {
    word: str(10 * n) for n, word in enumerate(_NUMBER_WORDS[1].split(), start=2)
}


class FaultScores(TypedDict):
    """The per cent of all `n` questions that are lost by each fault, and how many they are."""

    share: dict[str, float]
    count: dict[str, int]
    n: int
    ci95: dict[str, dict[str, Interval]]


@dataclass(frozen=True, slots=True)
class Miss:
    """What is known of a wrong answer.

    `rank` is the 1-based rank of the first passage that holds a right answer, 0 for none, and
    `read` how many were read. `in_right_passage` says whether the answer was taken from a passage
    that holds a right one.
    """

    prediction: str
    answers: Sequence[str]
    rank: int
    read: int
    in_right_passage: bool
    patterns: bool = False


def fault_of(miss: Miss) -> Fault:
    """Return which part is at fault; see the top of this file."""
    if not miss.patterns and any(likely_same(miss.prediction, gold) for gold in miss.answers):
        return "gold"
    if miss.rank == 0:
        return "retrieval"
    if miss.rank > miss.read:
        return "depth"
    return "span" if miss.in_right_passage else "ranking"


def likely_same(prediction: str, gold: str) -> bool:
    """Whether two answers are forms of one: see `gold` at the top of this file."""
    first, second = _plain(prediction), _plain(gold)
    if not first or not second:
        return False
    shorter, longer = sorted((first, second), key=len)
    inside = f" {' '.join(shorter)} " in f" {' '.join(longer)} "
    return inside and f1(" ".join(first), " ".join(second)) >= 0.5


def _plain(text: str) -> list[str]:
    decomposed = unicodedata.normalize("NFKD", normalise_answer(text))
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return [_DIGITS.get(word, word) for word in bare.split()]


def fault_scores(faults: Sequence[Fault | None]) -> FaultScores:
    """Count the faults of all questions; None stands for a right answer."""
    counts = Counter(fault for fault in faults if fault is not None)
    columns: dict[str, NDArray[np.float64]] = {
        name: np.array([fault == name for fault in faults]) * 100.0 for name in FAULTS
    }
    return {
        "share": {name: float(column.mean()) for name, column in columns.items()},
        "count": {name: counts[name] for name in FAULTS},
        "n": len(faults),
        "ci95": {"share": bootstrap_intervals(columns)},
    }
