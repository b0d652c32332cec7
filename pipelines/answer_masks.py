"""Which passages of a batch hold an answer of which question, by `pipelines.answer_match`.

The passages' words are looked up, not the passages searched: a batch of hundreds of questions,
with many answers each, takes milliseconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.answer_match import joined, tokens


class AnswerMasks:
    """The answers of each question, and the texts of passages, without their titles."""

    def __init__(self, answers: Sequence[Sequence[str]], texts: Sequence[str]) -> None:
        self._answers, self._texts = answers, texts

    def held(self, questions: Sequence[int], passages: Sequence[int]) -> NDArray[np.bool_]:
        """Return (questions, passages): whether the passage holds an answer of the question."""
        runs: list[str] = []
        having: defaultdict[str, set[int]] = defaultdict(set)
        for column, passage in enumerate(passages):
            words = tokens(self._texts[passage])
            runs.append(joined(words))
            for word in words:
                having[word].add(column)
        held = np.zeros((len(questions), len(passages)), dtype=np.bool_)
        for row, question in enumerate(questions):
            for answer in self._answers[question]:
                words = tokens(answer)
                if not words:
                    continue
                wanted = joined(words)
                # The rarest word first: most sets of passages are empty at once.
                sets = sorted((having.get(word, set()) for word in words), key=len)
                for column in set.intersection(*sets):
                    held[row, column] |= wanted in runs[column]
        return held
