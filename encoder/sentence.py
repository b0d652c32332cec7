"""Sentence vectors by a BERT-type encoder (Reimers and Gurevych 2019)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoder.batching import pad, run_batches
from encoder.bert import Head, HeadPrimitives, Node, embedding_head
from encoder.checkpoint import Checkpoint, check_files, fingerprint, read_config, read_object
from encoder.sentence_settings import CLS, SentenceSettings, read_settings, titled
from encoder.sentence_tokenizer import open_tokenizer
from encoder.session import LateSession, Session, open_session


def cls_head(p: HeadPrimitives, model: Checkpoint, states: Node, mask: Node) -> list[Node]:
    """Return the first state of each row, through DPR's projection where there is one."""
    del mask
    first, tensors = p.first(states), model.tensors
    if "encode_proj.weight" not in tensors:
        return [first]
    return [p.small_linear(first, tensors["encode_proj.weight"], tensors["encode_proj.bias"])]


class SentenceEncoder:
    """Encodes texts by one model; see `encoder.protocol.TextEncoder`."""

    def __init__(
        self, name: str, folder: Path, session: Session, settings: SentenceSettings
    ) -> None:
        self._tokenizer = open_tokenizer(folder, settings.max_length)
        self._pad = self._tokenizer.token_to_id("[PAD]") or 0
        self._name, self._folder, self._session = name, folder, session
        self._settings = settings
        projected = read_object(folder / "config.json").get("projection_dim")
        self._dimension = int(projected or read_config(folder).hidden)
        self._fingerprint = ""

    @property
    def name(self) -> str:
        """What the user chose."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """A hash of weights, configuration, tokenizer and settings."""
        if not self._fingerprint:
            own = fingerprint(self._folder)
            if not self._settings.plain:
                text = f"{own} {self._settings}"
                own = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
            self._fingerprint = own
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._dimension

    def passage_text(self, title: str, text: str) -> str:
        """Return what the model gets to see of a passage."""
        return titled(title, text)

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return the vectors of passages, float32 of shape (len(texts), dimension).

        Longer texts are cut at the model's own length. `progress` is told of each batch's size.
        """
        return self._encode(texts, self._settings.passage_prompt, progress)

    def encode_questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of questions, of the same shape."""
        return self._encode(texts, self._settings.question_prompt, None)

    def _encode(
        self, texts: Sequence[str], prompt: str, progress: Callable[[int], None] | None
    ) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        rows = [
            np.asarray(encoding.ids, dtype=np.int32)
            for encoding in self._tokenizer.encode_batch_fast([prompt + text for text in texts])
        ]

        def run(chosen: NDArray[np.int64]) -> NDArray[np.float32]:
            ids, mask = pad([rows[i] for i in chosen], self._pad)
            return self._session.run(ids, np.zeros_like(ids), mask)[0]

        for chosen, found in run_batches([len(row) for row in rows], self._session, run):
            vectors[chosen] = found
            if progress is not None:
                progress(len(chosen))
        if self._settings.normalize:
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors


def open_encoder(
    name: str,
    folder: Path,
    device: str,
    precision: str,
    settings: SentenceSettings | None = None,
    *,
    late: bool = False,
) -> SentenceEncoder:
    """Open an encoder from a checkpoint folder, by its own settings if none are given.

    With `late` the model is loaded when it is first used.

    Raises:
        InputError: the folder is no BERT-type encoder.
    """
    settings = settings or read_settings(folder)
    head: Head = cls_head if settings.pooling == CLS else embedding_head
    check_files(folder)
    opened = partial(open_session, folder, head, device, precision)
    return SentenceEncoder(name, folder, LateSession(opened) if late else opened(), settings)
