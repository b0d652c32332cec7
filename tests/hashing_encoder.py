"""A tiny encoder for tests: hashed bags of words, the same on every machine."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from encoder.sentence_settings import titled


@dataclass
class HashingEncoder:
    """Texts that share words have near vectors. `encoded` keeps all texts it was given."""

    name: str = "hashing"
    fingerprint: str = "hashing-1"
    dimension: int = 32
    encoded: list[str] = field(default_factory=list)

    def passage_text(self, title: str, text: str) -> str:
        return titled(title, text)

    def encode_questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return HashingEncoder().encode(texts)

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        self.encoded += texts
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % self.dimension] += 1
        if progress is not None:
            progress(len(texts))
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
