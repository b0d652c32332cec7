"""How far the channels of a BERT reach, found by running it on a little text.

Some channels dwarf the rest (Bondarenko et al. 2021, "Understanding and Overcoming the Challenges
of Efficient Transformer Quantization", section 3): with one int8 scale for all of them the others
keep hardly any steps. Those that a layer norm writes can be balanced against their weights; of the
feed-forward layers' inner channels a few reach twenty times as far and are better kept out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoder.checkpoint import BertConfig
from encoder.tokenizer_file import read_tokenizer

SHARE = 96  # one inner channel in so many is kept out of int8

Batch = tuple[NDArray[np.int32], NDArray[np.int32]]


@dataclass(frozen=True, slots=True)
class ChannelReach:
    """The largest absolute values: of every layer norm's channels, and of the inner channels.

    `norms` holds float32 arrays of shape (hidden,), in the order of the model; `inner` those of
    shape (intermediate,), one a layer.
    """

    norms: list[NDArray[np.float32]]
    inner: list[NDArray[np.float32]]

    def outliers(self, layer: int, multiple: int = 1) -> NDArray[np.int64]:
        """Return the inner channels that reach farthest, sorted; a multiple of so many."""
        peak = self.inner[layer]
        return np.sort(np.argsort(-peak)[: outlier_count(len(peak), multiple)])


def outlier_count(channels: int, multiple: int = 1) -> int:
    """Return how many inner channels are kept out of int8, a multiple of so many."""
    return channels // SHARE // multiple * multiple


def balance(reach: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what to divide each input channel by, and to multiply its weights by: (inputs,).

    One scale for all channels leaves few steps to the narrow ones, so wide channels hand half of
    their width, in logarithms, to their weights (SmoothQuant, Xiao et al. 2023, eq. 4).
    """
    used = np.sqrt((weight**2).mean(axis=0))
    logs = (np.log(np.maximum(reach, 1e-6)) - np.log(np.maximum(used, 1e-6))) / 2
    # A channel that is dead on either side must not squeeze the others.
    ratios: NDArray[np.float32] = np.exp(np.clip(logs - logs.mean(), -3, 3)).astype(np.float32)
    return ratios


def measure_reach(
    peaks: Callable[[Batch], list[NDArray[np.float32]]],
    config: BertConfig,
    folder: Path,
    words: int,
) -> ChannelReach:
    """Run the model on the calibration text.

    Args:
        peaks: runs the model in floating point on one row (ids, segments), and returns the
            largest absolute value of each channel: of each layer's inner ones, then of the norms.
        config: the model's sizes.
        folder: the checkpoint, for its tokenizer.
        words: the size of the vocabulary.
    """
    # Rows that are longer than the model's table of positions are cut.
    cut = slice(config.positions)
    rows = [peaks((ids[:, cut], kinds[:, cut])) for ids, kinds in _rows(folder, words)]
    highest = [np.max(part, axis=0) for part in zip(*rows, strict=True)]
    return ChannelReach(norms=highest[config.layers :], inner=highest[: config.layers])


def _rows(folder: Path, words: int) -> Iterator[Batch]:
    """Yield question-passage pairs of everyday prose as rows of one."""
    file = folder / "tokenizer.json"
    text = (Path(__file__).parent / "calibration.txt").read_text(encoding="utf-8")
    pairs = [line.split("\t") for line in text.splitlines()]
    if file.is_file():
        tokenizer = read_tokenizer(file)
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
    return np.array([ids], dtype=np.int32), np.array([segments], dtype=np.int32)
