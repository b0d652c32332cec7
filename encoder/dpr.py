"""DPR's two towers: one BERT for questions, one for passages (Karpukhin et al. 2020, section 3).

A folder holds both as `transformers` saves them, in `question_encoder/` and `ctx_encoder/`, each
with its `tokenizer.json`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoder.protocol import TextEncoder
from encoder.question_side import QUESTION_ENCODER
from encoder.sentence import open_encoder
from encoder.sentence_settings import CLS, SentenceSettings

_PASSAGES = "ctx_encoder"
_LENGTH = 256  # tokens, as in DPR


def has_two_towers(folder: Path) -> bool:
    """Whether a folder holds encoders for questions and for passages."""
    return (folder / QUESTION_ENCODER).is_dir() and (folder / _PASSAGES).is_dir()


class TwoTowers:
    """Encodes questions by one model and passages by another; see `TextEncoder`.

    Vectors keep their length: the models were trained with plain dot products.
    """

    def __init__(self, name: str, questions: TextEncoder, passages: TextEncoder) -> None:
        self._name, self._questions, self._passages = name, questions, passages

    @property
    def name(self) -> str:
        """What the user chose."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """A hash of both models."""
        both = self._questions.fingerprint + self._passages.fingerprint
        return hashlib.blake2b(both.encode(), digest_size=16).hexdigest()

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._passages.dimension

    def passage_text(self, title: str, text: str) -> str:
        """Return title and text with the separator between them."""
        return f"{title} [SEP] {text}"

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return the vectors of passages."""
        return self._passages.encode(texts, progress)

    def encode_questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of questions."""
        return self._questions.encode_questions(texts)


def open_two_towers(name: str, folder: Path, device: str, precision: str) -> TwoTowers:
    """Open both encoders of a folder.

    Raises:
        InputError: one of them is unusable.
    """
    settings = SentenceSettings(max_length=_LENGTH, pooling=CLS, normalize=False)
    questions, passages = (
        open_encoder(name, folder / part, device, precision, settings)
        for part in (QUESTION_ENCODER, _PASSAGES)
    )
    return TwoTowers(name, questions, passages)
