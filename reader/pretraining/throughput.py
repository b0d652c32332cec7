"""How much of the hardware a run uses: counted floating-point operations over a measured peak."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from reader.pretraining.batches import PretrainBatch
from reader.pretraining.objectives import POSITION_WIDTH

if TYPE_CHECKING:
    import torch


def step_operations(config: Any, batch: PretrainBatch) -> float:
    """Return the floating-point operations of matrix products for one batch, forth and back.

    Padding does not count: it is no work that anyone wants. The way back costs twice the way
    forth (Kaplan et al. 2020, section 2.1).
    """
    hidden, inner = config.hidden_size, config.intermediate_size
    layer = 4 * hidden * hidden + 2 * hidden * inner
    products: float = config.num_hidden_layers * layer * batch.tokens
    # Scores and weighted sums of attention: every token with every token of its row.
    products += config.num_hidden_layers * 2 * hidden * float((batch.lengths**2).sum())
    products += len(batch.masked) * hidden * (hidden + config.vocab_size)
    head = (2 * hidden + POSITION_WIDTH) * hidden + hidden * hidden
    products += len(batch.boundaries) * (head + hidden * config.vocab_size)
    return 3 * 2 * products


def measured_peak(device: torch.device, *, half: bool) -> float:
    """Return the floating-point operations per second of a large matrix product, measured."""
    import torch

    size = 8192 if device.type == "cuda" else 1536
    dtype = torch.bfloat16 if half else torch.float32
    left = torch.randn(size, size, device=device).to(dtype)
    best = float("inf")
    for _ in range(6):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        start = time.perf_counter()
        left @ left
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best
