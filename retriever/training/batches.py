"""Batches of questions with the passages that all of them are compared with.

A batch depends on the seed and its number alone, so that a stopped run can go on anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retriever.training.examples import TrainingExamples
from retriever.training.settings import EncoderTraining
from retriever.training.texts import Pieces, TextPieces


@dataclass(frozen=True, slots=True)
class Batch:
    """Word pieces of `questions`, then of distinct passages, and how they belong together.

    `target` (questions,) is the column of each question's positive passage; `allowed`
    (questions, passages) tells which passages its score is compared with: the positive, and those
    that hold no answer. `teacher`, of that shape, has scores of the question's own passages and
    -inf for others.
    """

    rows: list[Pieces]
    questions: int
    target: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    teacher: NDArray[np.float32] | None

    @property
    def tokens(self) -> int:
        """The word pieces of all texts, without padding."""
        return sum(map(len, self.rows))


class BatchMaker:
    """Makes the batches of a run by their numbers."""

    def __init__(
        self, examples: TrainingExamples, texts: TextPieces, settings: EncoderTraining
    ) -> None:
        self._examples, self._texts, self._settings = examples, texts, settings
        self.per_epoch = -(-len(examples.questions) // settings.batch)
        self._order: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def batch(self, step: int) -> Batch:
        """Return the batch of a step: epoch after epoch, each in an order of its own."""
        chosen = self._chosen(*divmod(step, self.per_epoch))
        generator = np.random.default_rng((self._settings.seed, 1, step))
        own = [self._drawn(int(question), generator) for question in chosen]
        columns = {passage: 0 for passages in own for passage in passages}
        columns = {passage: column for column, passage in enumerate(columns)}
        passages = list(columns)
        target = np.array([columns[drawn[0]] for drawn in own], dtype=np.int64)
        examples = self._examples
        return Batch(
            self._texts.questions([examples.questions[q].text for q in chosen])
            + self._texts.passages([examples.passages[p] for p in passages]),
            len(chosen),
            target,
            self._allowed(chosen, passages, columns, target),
            self._teacher(chosen, own, columns),
        )

    def _chosen(self, epoch: int, number: int) -> NDArray[np.int64]:
        if self._order[0] != epoch:
            generator = np.random.default_rng((self._settings.seed, 0, epoch))
            self._order = epoch, generator.permutation(len(self._examples.questions))
        size = self._settings.batch
        return self._order[1][number * size : (number + 1) * size]

    def _drawn(self, question: int, generator: np.random.Generator) -> list[int]:
        """Draw a positive passage, and hard negatives, of a question."""
        own = self._examples.questions[question]
        positive = own.positives[int(generator.integers(len(own.positives)))]
        count = min(len(own.negatives), self._settings.negatives)
        negatives = generator.choice(own.negatives, count, replace=False) if count else ()
        return [positive, *map(int, negatives)]

    def _allowed(
        self,
        chosen: NDArray[np.int64],
        passages: list[int],
        columns: dict[int, int],
        target: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        allowed = ~self._examples.answers.held(chosen.tolist(), passages)
        for row, question in enumerate(chosen):
            for positive in self._examples.questions[question].positives:
                if positive in columns:
                    allowed[row, columns[positive]] = False
        allowed[np.arange(len(chosen)), target] = True
        return allowed

    def _teacher(
        self, chosen: NDArray[np.int64], own: list[list[int]], columns: dict[int, int]
    ) -> NDArray[np.float32] | None:
        known = self._examples.teacher
        if known is None:
            return None
        scores = np.full((len(chosen), len(columns)), -np.inf, dtype=np.float32)
        for row, (question, drawn) in enumerate(zip(chosen, own, strict=True)):
            asked = self._examples.questions[question]
            places = {passage: i for i, passage in enumerate(asked.positives + asked.negatives)}
            for passage in drawn:
                scores[row, columns[passage]] = known[question][places[passage]]
        return scores
