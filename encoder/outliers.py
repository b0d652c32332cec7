"""Feed-forward channels whose values dwarf the rest, found by running the model on a little text.

A few of the inner channels of BERT's feed-forward layers reach twenty times as far as the others
(Bondarenko et al. 2021, "Understanding and Overcoming the Challenges of Efficient Transformer
Quantization", section 3). With one int8 scale for all of them the others keep hardly any steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SHARE = 24  # one channel in so many is kept out of int8

Batch = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]


def find_outliers(
    peaks: Callable[[Batch], list[NDArray[np.float32]]], folder: Path, words: int
) -> list[NDArray[np.int64]]:
    """Return for each layer the channels that reach farthest, sorted.

    Args:
        peaks: runs the model in floating point on one row (ids, segments, mask), and returns each
            layer's largest absolute value of every inner channel.
        folder: the checkpoint, for its tokenizer.
        words: the size of the vocabulary.
    """
    rows = [peaks(batch) for batch in _rows(folder, words)]
    highest = [np.max(layer, axis=0) for layer in zip(*rows, strict=True)]
    return [np.sort(np.argsort(-peak)[: len(peak) // SHARE]) for peak in highest]


def _rows(folder: Path, words: int) -> Iterator[Batch]:
    """Yield question-passage pairs of everyday prose as rows of one."""
    file = folder / "tokenizer.json"
    text = (Path(__file__).parent / "calibration.txt").read_text(encoding="utf-8")
    pairs = [line.split("\t") for line in text.splitlines()]
    if file.is_file():
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        for question, passage in pairs:
            encoded = tokenizer.encode(question, passage) if question else tokenizer.encode(passage)
            yield _row(encoded.ids, encoded.type_ids)
        return
    # A folder with only a vocab.txt: any pieces show the worst channels, if less surely.
    generator = np.random.default_rng(0)
    for _ in pairs:
        ids = generator.integers(0, words, 100).tolist()
        yield _row(ids, [0] * 14 + [1] * 86)


def _row(ids: list[int], segments: list[int]) -> Batch:
    row, kinds = (np.array([values], dtype=np.int32) for values in (ids, segments))
    return row, kinds, np.ones_like(row)
