"""A linear map of questions' vectors, learnt while those of passages stay as they are.

It makes an encoder fit a corpus and the questions asked of it, and no passage has to be encoded
anew. It is query-side fine-tuning (Lee et al. 2021, "Learning Dense Representations of Phrases
at Scale", section 6) of one matrix in place of the whole question encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoder.weights_file import write_weights
from indexing.errors import InputError

ADAPTER = "question_adapter.safetensors"


@dataclass(frozen=True, slots=True)
class QuestionAdapter:
    """Adds `vectors @ weight + bias` to vectors, which keep their length.

    `weight` is (dimension, dimension) and `bias` (dimension,), float32. All zeros change nothing.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def apply(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the moved vectors, of the same shape (questions, dimension)."""
        moved = vectors + vectors @ self.weight + self.bias
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        now = np.linalg.norm(moved, axis=1, keepdims=True)
        kept: NDArray[np.float32] = moved * (lengths / np.maximum(now, 1e-12))
        return kept

    def towards(self, other: QuestionAdapter, share: float) -> QuestionAdapter:
        """Return the adapter that is a share of the way to another."""
        weight = self.weight + share * (other.weight - self.weight)
        bias = self.bias + share * (other.bias - self.bias)
        return QuestionAdapter(weight, bias)

    def save(self, folder: Path) -> None:
        """Write the adapter into an encoder's folder, in half precision."""
        tensors = {"weight": self.weight, "bias": self.bias}
        half = {name: value.astype(np.float16) for name, value in tensors.items()}
        write_weights(half, folder / ADAPTER)


def no_adapter(dimension: int) -> QuestionAdapter:
    """Return an adapter that changes nothing."""
    weight = np.zeros((dimension, dimension), dtype=np.float32)
    return QuestionAdapter(weight, np.zeros(dimension, dtype=np.float32))


def read_adapter(folder: Path, dimension: int) -> QuestionAdapter | None:
    """Return the adapter of an encoder's folder, if it has one.

    Raises:
        InputError: the file is damaged, or belongs to vectors of another dimension.
    """
    file = folder / ADAPTER
    if not file.is_file():
        return None
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(file)
        weight, bias = (tensors[name].astype(np.float32) for name in ("weight", "bias"))
    except (OSError, SafetensorError, KeyError) as error:
        raise InputError(
            f"{file}: not an adapter of `qa train adapter` ({error}); train it anew or remove it."
        ) from error
    if weight.shape != (dimension, dimension) or bias.shape != (dimension,):
        raise InputError(
            f"{file}: made for vectors of {bias.size} numbers, but those of this encoder have "
            f"{dimension}; train it anew or remove it."
        )
    return QuestionAdapter(weight, bias)
