"""Exact match and F1 by the definitions of the official SQuAD scripts.

Both scripts normalise alike (`reader.normalising`), else they differ. Version 2.0 ignores gold
answers that normalise to nothing, takes a question without any as unanswerable (gold ""), and
gives F1 1 when both sides are empty; version 1.1 keeps every gold answer and gives F1 0 there.

Open questions are scored as in DrQA and DPR, with version 1.1's functions. ORQA's evaluation of
NQ-open normalises to NFD first. That differs only where prediction and gold answer are composed
differently, and where an accented letter stands alone ("à" loses its article).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from reader.normalising import normalise_answer

SquadVersion = Literal["1.1", "2.0"]


@dataclass(frozen=True, slots=True)
class Scores:
    """Exact match and F1 of one prediction, each from 0 to 1."""

    exact_match: float
    f1: float


def exact_match(prediction: str, gold: str) -> float:
    """Return 1.0 if both are equal after normalisation, else 0.0."""
    return float(normalise_answer(prediction) == normalise_answer(gold))


def f1(prediction: str, gold: str, version: SquadVersion = "1.1") -> float:
    """Return the harmonic mean of precision and recall over normalised words."""
    predicted = normalise_answer(prediction).split()
    wanted = normalise_answer(gold).split()
    if version == "2.0" and not (predicted and wanted):
        return float(predicted == wanted)
    common = sum((Counter(predicted) & Counter(wanted)).values())
    if common == 0:
        return 0.0
    precision = common / len(predicted)
    recall = common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def squad_scores(prediction: str, golds: Sequence[str], version: SquadVersion = "1.1") -> Scores:
    """Return the best exact match and the best F1 over the gold answers.

    With version 2.0, no gold answers (or only empty ones) mean an unanswerable question, for
    which only an empty prediction is right. With version 1.1, no gold answers mean 0.
    """
    if version == "2.0":
        golds = [gold for gold in golds if normalise_answer(gold)] or [""]
    return Scores(
        max((exact_match(prediction, gold) for gold in golds), default=0.0),
        max((f1(prediction, gold, version) for gold in golds), default=0.0),
    )
