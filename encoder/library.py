"""Encoders that our runtimes do not know, through the sentence-transformers library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoder.checkpoint import folder_fingerprint
from encoder.sentence_settings import read_settings, titled
from encoder.session import check_device, pick
from indexing.errors import InputError

_BATCH = 64


class LibraryEncoder:
    """Encodes texts as `SentenceTransformer` does; see `encoder.protocol.TextEncoder`."""

    def __init__(self, name: str, folder: Path, device: str) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError:
            raise InputError(
                f"encoder {name!r} is not a BERT with mean or [CLS] pooling; other models need "
                "sentence-transformers: pip install sentence-transformers"
            ) from None
        device, _ = pick(device, "fp32")
        check_device(device)
        try:
            self._model: Any = SentenceTransformer(
                str(folder), device=device, model_kwargs={"use_safetensors": True}
            )
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{folder}: not a usable encoder ({error})") from error
        self._name, self._folder = name, folder
        self._settings = read_settings(folder)
        self._unit = self._model.similarity_fn_name != "dot"
        self._fingerprint = ""

    @property
    def name(self) -> str:
        """What the user chose."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """A hash of all files that may decide what the model computes."""
        if not self._fingerprint:
            self._fingerprint = folder_fingerprint(self._folder)
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self._model.get_embedding_dimension())

    def passage_text(self, title: str, text: str) -> str:
        """Return what the model gets to see of a passage."""
        return titled(title, text)

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return the vectors of passages."""
        parts = [np.zeros((0, self.dimension), dtype=np.float32)]
        for first in range(0, len(texts), _BATCH):
            batch = list(texts[first : first + _BATCH])
            prompt = self._settings.passage_prompt
            parts.append(self._run(self._model.encode_document, batch, prompt))
            if progress is not None:
                progress(len(batch))
        return np.concatenate(parts)

    def encode_questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of questions."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return self._run(self._model.encode_query, list(texts), self._settings.question_prompt)

    def _run(self, encode: Any, texts: list[str], prompt: str) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = encode(
            texts,
            prompt=prompt,
            normalize_embeddings=self._unit,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return vectors.astype(np.float32, copy=False)
