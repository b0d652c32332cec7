"""The optimizer of encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def adamw(model: torch.nn.Module, rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Return AdamW (Loshchilov and Hutter 2019) without decay of biases and norms.

    Betas and epsilon are BERT's. Parameters that need no gradient are left out.
    """
    import torch

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(
        [
            {
                "params": [p for p in trained if (p.ndim > 1) == decays],
                "weight_decay": weight_decay if decays else 0.0,
            }
            for decays in (True, False)
        ],
        lr=rate,
        betas=(0.9, 0.999),
        eps=1e-8,
        fused=True,
    )
