"""Compiled layers: on a GPU, training's element-wise work is fused into fewer, larger kernels."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_WORTH = 1000
"""Steps below which a run may be over before compiling has paid for itself."""


def compile_layers(model: torch.nn.Module, device: torch.device, steps: int) -> None:
    """Compile each layer of a transformers model that is to take `steps` steps on a GPU.

    One compiled layer serves all, at any batch shape. What cannot be compiled runs as it is.
    """
    if device.type != "cuda" or steps < _WORTH or importlib.util.find_spec("triton") is None:
        return
    import torch

    torch._dynamo.config.suppress_errors = True
    for layer in model.base_model.encoder.layer:
        layer.compile(dynamic=True)
