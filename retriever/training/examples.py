"""What the encoder is trained on: questions, and passages that answer them or only look so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TrainingQuestion:
    """A question; `positives` and `negatives` are numbers of passages, the former not empty."""

    text: str
    positives: tuple[int, ...]
    negatives: tuple[int, ...] = ()


class Answers(Protocol):
    """Knows which passages hold an answer of which question."""

    def held(self, questions: Sequence[int], passages: Sequence[int]) -> NDArray[np.bool_]:
        """Return for each of the questions and passages, by their numbers, whether it does.

        The shape is (questions, passages).
        """
        ...


@dataclass(frozen=True, slots=True)
class TrainingExamples:
    """Questions over shared passages, each a title and a text.

    `teacher` has, if there is one, an array of scores for each question: of its positives, then
    of its negatives.
    """

    passages: Sequence[tuple[str, str]]
    questions: Sequence[TrainingQuestion]
    answers: Answers
    teacher: Sequence[NDArray[np.float32]] | None = None
