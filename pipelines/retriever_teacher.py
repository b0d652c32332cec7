"""What a reader says of the passages of training questions, for the encoder to learn from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexing.documents import Passage
from indexing.progress import Progress
from retriever.training.examples import TrainingExamples

if TYPE_CHECKING:
    from reader.inference import SpanReader

_BATCH = 16
_LEAST = -30.0  # the logit of a passage without a word: finite, so that it is learnt from


def with_teacher(
    examples: TrainingExamples, reader: SpanReader, file: Path, progress: Progress
) -> TrainingExamples:
    """Return the examples with the reader's relevance of each passage, kept in `file`.

    Scores that a stopped run left there are used again.
    """
    sizes = [len(own.positives) + len(own.negatives) for own in examples.questions]
    if not file.exists():
        scores = _scores(examples, reader, progress)
        part = file.with_name(file.name + ".part")
        with part.open("wb") as stream:
            np.save(stream, np.concatenate(scores))
        os.replace(part, file)
    kept = np.load(file)
    return replace(examples, teacher=np.split(kept, np.cumsum(sizes)[:-1]))


def _scores(
    examples: TrainingExamples, reader: SpanReader, progress: Progress
) -> Sequence[NDArray[np.float32]]:
    scores: list[NDArray[np.float32]] = []
    with progress.stage("reading", len(examples.questions), "questions") as advance:
        for start in range(0, len(examples.questions), _BATCH):
            batch = examples.questions[start : start + _BATCH]
            passages = [
                [_passage(examples, number) for number in own.positives + own.negatives]
                for own in batch
            ]
            for found in reader.score([own.text for own in batch], passages):
                scores.append(np.maximum(np.asarray(found, dtype=np.float32), _LEAST))
            advance(len(batch))
    return scores


def _passage(examples: TrainingExamples, number: int) -> Passage:
    title, text = examples.passages[number]
    return Passage(number, "", title, text, 0, len(text))
