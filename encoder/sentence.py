"""Sentence vectors by a BERT-type encoder with mean pooling (Reimers and Gurevych 2019)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoder.batching import pad, run_batches
from encoder.bert import embedding_head
from encoder.checkpoint import fingerprint
from encoder.session import Session, open_session
from indexing.errors import InputError


class SentenceEncoder:
    """Encodes texts to unit vectors; see `encoder.protocol.TextEncoder`."""

    def __init__(self, name: str, folder: Path, session: Session) -> None:
        from tokenizers import Tokenizer

        file = folder / "tokenizer.json"
        if not file.is_file():
            raise InputError(f"{file}: not found; an encoder folder needs its tokenizer")
        self._tokenizer = Tokenizer.from_file(str(file))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_max_length(folder))
        self._pad = self._tokenizer.token_to_id("[PAD]") or 0
        self._name, self._folder, self._session = name, folder, session
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self._dimension = int(config["hidden_size"])
        self._fingerprint = ""

    @property
    def name(self) -> str:
        """What the user chose."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """A hash of weights, configuration and tokenizer."""
        if not self._fingerprint:
            self._fingerprint = fingerprint(self._folder)
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._dimension

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return unit vectors, float32 of shape (len(texts), dimension).

        Longer texts are cut at the model's own length. `progress` is told of each batch's size.
        """
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        rows = [
            np.asarray(encoding.ids, dtype=np.int32)
            for encoding in self._tokenizer.encode_batch_fast(list(texts))
        ]

        def run(chosen: NDArray[np.int64]) -> NDArray[np.float32]:
            ids, mask = pad([rows[i] for i in chosen], self._pad)
            return self._session.run(ids, np.zeros_like(ids), mask)[0]

        for chosen, found in run_batches([len(row) for row in rows], self._session, run):
            vectors[chosen] = found
            if progress is not None:
                progress(len(chosen))
        return vectors


def _max_length(folder: Path) -> int:
    """Return the model's own limit: `sentence_bert_config.json`, else the position embeddings."""
    for name, key in (
        ("sentence_bert_config.json", "max_seq_length"),
        ("config.json", "max_position_embeddings"),
    ):
        file = folder / name
        if file.is_file():
            value = json.loads(file.read_text(encoding="utf-8")).get(key)
            if isinstance(value, int):
                return value
    return 512


def open_encoder(name: str, folder: Path, device: str, precision: str) -> SentenceEncoder:
    """Open an encoder from a checkpoint folder.

    Raises:
        InputError: the folder is no BERT-type encoder.
    """
    return SentenceEncoder(name, folder, open_session(folder, embedding_head, device, precision))
