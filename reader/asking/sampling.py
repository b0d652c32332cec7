"""Writing with a trained question writer: an answer is sampled, then its question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from encoder.training.attention import half_precision
from reader.asking.model import piece_logits, run_layers
from reader.asking.sequences import LONGEST_TARGET, Ids

if TYPE_CHECKING:
    import torch

_CANDIDATES = 50  # pieces that are drawn from, at most


@dataclass(frozen=True, slots=True)
class SampleSettings:
    """How pieces are drawn: of those that hold the largest share of the probability.

    Nucleus sampling (Holtzman et al. 2020), wide for answers, so that a passage is asked about
    different things, and narrow for questions.
    """

    answers: float = 0.95
    questions: float = 0.5


@dataclass(frozen=True, slots=True)
class Special:
    """The pieces that a writer needs to know."""

    pad: int
    sep: int
    mask: int


def write_targets(
    model: torch.nn.Module,
    sources: Sequence[Ids],
    special: Special,
    settings: SampleSettings,
    seed: int,
) -> list[list[int]]:
    """Return the pieces written for each source, `answer [SEP] question [SEP]` if all is well.

    The model is one of `load_writer`, not in training; the same seed and device write the same.
    """
    import torch

    device = next(model.parameters()).device
    draw = torch.Generator(device).manual_seed(seed)
    with torch.inference_mode(), half_precision(device):
        cache, lengths = _read(model, sources, special, device)
        rows = len(sources)
        written = torch.full((rows, LONGEST_TARGET), special.pad, device=device)
        ended = torch.zeros(rows, dtype=torch.long, device=device)
        for step in range(LONGEST_TARGET):
            logits = _next(model, cache, lengths, written, step, special)
            nucleus = torch.where(ended == 0, settings.answers, settings.questions)
            piece = _drawn(logits.float(), nucleus, draw)
            piece = torch.where(ended < 2, piece, special.pad)
            written[:, step] = piece
            ended += piece == special.sep
            if step % 8 == 7 and bool((ended >= 2).all()):
                break
    return [row.tolist() for row in written.cpu().numpy()]


class _Cache:
    """A layer's keys and values, (rows, heads, source + written, width); new ones go to a place."""

    def __init__(self) -> None:
        self.place = 0
        self._kept: tuple[torch.Tensor, torch.Tensor] | None = None

    def __call__(self, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        if self._kept is None:
            room = (*key.shape[:2], LONGEST_TARGET + 1, key.shape[3])
            self._kept = (
                torch.cat([key, key.new_zeros(room)], 2),
                torch.cat([value, value.new_zeros(room)], 2),
            )
            self.place = key.shape[2]
            return key, value
        end = self.place + key.shape[2]
        for kept, new in zip(self._kept, (key, value), strict=True):
            kept[:, :, self.place : end] = new
        return self._kept[0][:, :, :end], self._kept[1][:, :, :end]


def _read(
    model: torch.nn.Module, sources: Sequence[Ids], special: Special, device: torch.device
) -> tuple[list[_Cache], torch.Tensor]:
    """Run the sources once, and keep what later pieces see of them."""
    import torch

    size = max(len(source) for source in sources)
    ids = np.full((len(sources), size), special.pad, dtype=np.int64)
    for row, source in enumerate(sources):
        ids[row, : len(source)] = source
    put = torch.from_numpy(ids).to(device)
    lengths = torch.tensor([len(source) for source in sources], device=device)
    places = torch.arange(size, device=device)
    mask = (places < lengths[:, None])[:, None, None].expand(-1, 1, size, size)
    cache = [_Cache() for _ in model.bert.encoder.layer]
    positions = places.expand(len(sources), size)
    run_layers(model, put, positions, torch.zeros_like(put), mask, list(cache))
    return cache, lengths


def _next(
    model: torch.nn.Module,
    cache: list[_Cache],
    lengths: torch.Tensor,
    written: torch.Tensor,
    step: int,
    special: Special,
) -> torch.Tensor:
    """Return the logits of the piece at `step`, (rows, vocabulary), from those before it.

    The last piece written and the mask after it run together; the mask's keys are written over by
    the piece that takes its place.
    """
    import torch

    device, rows = lengths.device, len(lengths)
    masks = torch.full((rows, 1), special.mask, device=device)
    ids = torch.cat([written[:, step - 1 : step], masks], 1) if step else masks
    count = ids.shape[1]
    positions = lengths[:, None] + step + 1 - count + torch.arange(count, device=device)
    source = cache[0].place - max(0, step - 1)
    keys = torch.arange(cache[0].place + count, device=device)
    seen = (keys < lengths[:, None]) | (keys >= source)
    mask = seen[:, None, None].expand(rows, 1, count, len(keys))
    if count == 2:
        mask = mask.clone()
        mask[:, :, 0, -1] = False  # a written piece does not see the mask after it
    states = run_layers(model, ids, positions, torch.ones_like(ids), mask, list(cache))
    for one in cache:
        one.place += count - 1
    return piece_logits(model, states[:, -1])


def _drawn(logits: torch.Tensor, nucleus: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    """Draw a piece for each row out of its nucleus, the most likely piece always among it."""
    import torch

    likely = torch.topk(logits, min(_CANDIDATES, logits.shape[-1]), dim=-1)
    shares = torch.softmax(likely.values, -1)
    before = shares.cumsum(-1) - shares
    shares = shares.masked_fill(before >= nucleus[:, None], 0.0)
    chosen = torch.multinomial(shares, 1, generator=draw)
    return likely.indices.gather(1, chosen).squeeze(1)
