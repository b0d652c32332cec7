"""What encodes questions where the encoder of passages does not do it alone.

Passages keep their vectors, so that no index has to be built anew: query-side fine-tuning (Lee et
al. 2021, "Learning Dense Representations of Phrases at Scale", section 6) of an encoder of their
own, in the folder `question_encoder` of the encoder's, and of a linear map (`question_adapter`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoder.protocol import TextEncoder
from encoder.sentence import open_encoder
from encoder.sentence_settings import SentenceSettings
from indexing.errors import InputError

QUESTION_ENCODER = "question_encoder"

Questions = Callable[[Sequence[str]], NDArray[np.float32]]


class QuestionSide:
    """An encoder of passages, and what encodes questions instead; see `TextEncoder`.

    Its fingerprint is that of the encoder of passages: their vectors are the same.
    """

    def __init__(self, passages: TextEncoder, questions: Questions) -> None:
        self._passages, self._questions = passages, questions

    @property
    def name(self) -> str:
        """What the user chose."""
        return self._passages.name

    @property
    def fingerprint(self) -> str:
        """The hash of what makes the vectors of passages."""
        return self._passages.fingerprint

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._passages.dimension

    def passage_text(self, title: str, text: str) -> str:
        """Return a passage as `encode` wants it."""
        return self._passages.passage_text(title, text)

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return the vectors of passages."""
        return self._passages.encode(texts, progress)

    def encode_questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of questions."""
        return self._questions(texts)


def open_with_questions(
    name: str, folder: Path, device: str, precision: str, settings: SentenceSettings
) -> TextEncoder:
    """Open the encoder of a folder, with that of questions if it has one.

    Pooling, prompts and the length of texts are the same for both. Who only asks does not load the
    encoder of passages.

    Raises:
        InputError: one of them is unusable, or their vectors have not the same dimension.
    """
    own = folder / QUESTION_ENCODER
    if not own.is_dir():
        return open_encoder(name, folder, device, precision, settings)
    passages = open_encoder(name, folder, device, precision, settings, late=True)
    questions = open_encoder(name, own, device, precision, settings)
    if questions.dimension != passages.dimension:
        raise InputError(
            f"{own}: its vectors have {questions.dimension} numbers, those of passages "
            f"{passages.dimension}; train it anew or remove it."
        )
    return QuestionSide(passages, questions.encode_questions)
