"""Dropout that costs little on a CPU.

Torch draws a number for each value, by one core: with attention's weights a third of a training
step, without them a tenth. Here a random byte decides on each value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def set_dropout(model: torch.nn.Module, share: float) -> None:
    """Let all dropout of a model drop this share; on a CPU by `drop`."""
    import torch

    class ByteDropout(torch.nn.Dropout):
        def forward(self, states: torch.Tensor) -> torch.Tensor:
            if self.training and self.p and states.device.type == "cpu":
                return drop(states, self.p)
            return super().forward(states)

    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, torch.nn.Dropout):
                setattr(parent, name, ByteDropout(share).train(child.training))


def drop(values: torch.Tensor, share: float) -> torch.Tensor:
    """Drop a share of values, to the next 256th; what is kept grows to the same mean.

    The random bytes follow from torch's state, so that a run can be resumed.
    """
    import numpy as np
    import torch

    dropped = round(share * 256)
    random = np.random.Generator(np.random.SFC64(int(torch.randint(2**62, ()))))
    drawn = random.integers(2**64, size=-(-values.numel() // 8), dtype=np.uint64).view(np.uint8)
    factors = torch.zeros(256, dtype=values.dtype)
    factors[dropped:] = 256 / max(256 - dropped, 1)  # nothing is left of a share of 1
    bits = {2: torch.int16, 4: torch.int32, 8: torch.int64}[values.element_size()]
    taken = factors.view(bits).numpy().take(drawn[: values.numel()])  # numpy has no bf16
    return values * torch.from_numpy(taken).view(values.dtype).view(values.shape)
