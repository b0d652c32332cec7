"""Texts to word pieces, just as the encoder will see them when it is used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoder.sentence_settings import SentenceSettings, titled
from encoder.sentence_tokenizer import open_tokenizer

Pieces = NDArray[np.int32]
"""The numbers of a text's word pieces, (pieces,)."""


class TextPieces:
    """Tokenises questions and passages as a folder's settings say."""

    def __init__(self, folder: Path, settings: SentenceSettings) -> None:
        self._tokenizer = open_tokenizer(folder, settings.max_length)
        self._settings = settings
        self.pad = int(self._tokenizer.token_to_id("[PAD]") or 0)

    def questions(self, texts: Sequence[str]) -> list[Pieces]:
        """Tokenise questions."""
        return self._cut([self._settings.question_prompt + text for text in texts])

    def passages(self, passages: Sequence[tuple[str, str]]) -> list[Pieces]:
        """Tokenise passages, each a title and a text."""
        prompt = self._settings.passage_prompt
        return self._cut([prompt + titled(title, text) for title, text in passages])

    def _cut(self, texts: list[str]) -> list[Pieces]:
        found = self._tokenizer.encode_batch_fast(texts)
        return [np.asarray(encoding.ids, dtype=np.int32) for encoding in found]
