"""A reader as the documentation of transformers shows it: tokenise, run, best start and end.

The afternoon's system reads so, and so does the reference that all readers are compared with. The
model may be any callable with the outputs of AutoModelForQuestionAnswering.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

MAX_LENGTH = 384
STRIDE = 128
MAX_ANSWER = 30


class NaiveReader:
    """Reads question-text pairs in padded batches; long texts in overlapping windows."""

    def __init__(self, model: Any, tokenizer: Any, batch: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._batch = batch

    @classmethod
    def of_torch(cls, folder: str, batch: int, threads: int) -> NaiveReader:
        """Open a checkpoint with torch in fp32."""
        import torch
        from transformers import AutoModelForQuestionAnswering, AutoTokenizer

        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        model = AutoModelForQuestionAnswering.from_pretrained(folder).eval()
        return cls(model, AutoTokenizer.from_pretrained(folder), batch)

    def read(self, questions: Sequence[str], texts: Sequence[str]) -> list[tuple[float, str]]:
        """Return the best score and answer of each pair."""
        encoded = self._tokenizer(
            list(questions),
            list(texts),
            truncation="only_second",
            max_length=MAX_LENGTH,
            stride=STRIDE,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        owners = encoded.pop("overflow_to_sample_mapping")
        offsets = encoded.pop("offset_mapping")
        # Rows of like length go together, which is the first thing that everybody does.
        order = sorted(range(len(owners)), key=lambda row: len(encoded["input_ids"][row]))
        best = [(-np.inf, "")] * len(texts)
        for first in range(0, len(order), self._batch):
            rows = order[first : first + self._batch]
            columns = {name: [encoded[name][row] for row in rows] for name in encoded}
            batch = self._tokenizer.pad(columns, return_tensors="pt")
            output = self._model(**batch)
            starts, ends = output.start_logits.numpy(), output.end_logits.numpy()
            for i, row in enumerate(rows):
                inside = np.array([part == 1 for part in encoded.encodings[row].sequence_ids])
                score, start, end = best_span(
                    starts[i, : len(inside)], ends[i, : len(inside)], inside
                )
                owner = owners[row]
                if score > best[owner][0]:
                    text = texts[owner][offsets[row][start][0] : offsets[row][end][1]]
                    best[owner] = (float(score), text)
        return best


def best_span(start: np.ndarray, end: np.ndarray, inside: np.ndarray) -> tuple[float, int, int]:
    """Return score, first and last token of the best span of at most MAX_ANSWER tokens."""
    start, end = np.where(inside, start, -np.inf), np.where(inside, end, -np.inf)
    size = len(start)
    band = np.triu(np.tril(np.ones((size, size), dtype=bool), MAX_ANSWER - 1))
    scores = np.where(band, start[:, None] + end[None, :], -np.inf)
    i, j = np.unravel_index(np.argmax(scores), scores.shape)
    return float(scores[i, j]), int(i), int(j)
