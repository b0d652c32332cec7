"""Attention for training, on GPUs and on CPUs that have bf16 matrix units.

On such a CPU torch's fused attention walks back more slowly than plain products do
(`benchmarks/training_attention.py`), and autocast would take the softmax in fp32. On a GPU
transformers looks at every mask before it starts, which makes the processor wait for the device.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from encoder.cpu import flags, has_fast_bf16
from encoder.training.dropout import drop

if TYPE_CHECKING:
    import torch

_PLAIN = "plain_products"
_FUSED = "fused_without_waiting"


def uses_bf16(device: torch.device) -> bool:
    """Tell whether a device trains in bf16: GPUs, and CPUs with units for it."""
    return device.type == "cuda" or has_fast_bf16(flags())


def half_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which a device's training computes in bf16, if it does."""
    import torch

    if uses_bf16(device):
        context: AbstractContextManager[object] = torch.autocast(device.type, torch.bfloat16)
        return context
    return nullcontext()


def fit_attention(model: torch.nn.Module, device: torch.device) -> None:
    """Give a transformers model the attention that trains fastest on a device."""
    if not uses_bf16(device):
        return
    import torch
    from transformers import AttentionInterface, AttentionMaskInterface

    if device.type == "cuda":
        # cuDNN's attention makes a plan for each new shape, and every batch has another.
        torch.backends.cuda.enable_cudnn_sdp(False)
        name, attention, mask = _FUSED, attend_fused, boolean_mask
    else:
        name, attention, mask = _PLAIN, attend, padding_mask
    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, mask)
    model.set_attn_implementation(name)


def boolean_mask(*, attention_mask: torch.Tensor | None, **_: Any) -> torch.Tensor | None:
    """Turn a mask (rows, length) to (rows, 1, 1, length), true for pieces; none stays none."""
    return None if attention_mask is None else attention_mask.bool()[:, None, None, :]


def attend_fused(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attend as `attend` does, by torch's fused kernels."""
    import torch

    states = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attention_mask, dropout if module.training else 0.0, scale=scaling
    )
    return states.transpose(1, 2).contiguous(), None


def padding_mask(*, attention_mask: torch.Tensor | None, **_: Any) -> torch.Tensor | None:
    """Turn a mask (rows, length), 1 or true for pieces, to what is added to scores.

    Returns (rows, 1, 1, length): 0, or -inf for padding.
    """
    import torch

    if attention_mask is None:
        return None
    hidden = torch.zeros(attention_mask.shape, dtype=torch.bfloat16, device=attention_mask.device)
    hidden.masked_fill_(attention_mask == 0, float("-inf"))
    return hidden[:, None, None, :]


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attend; query, key and value are (rows, heads, length, width).

    Returns (rows, length, heads, width), and no weights, as transformers' attention functions do.
    """
    import torch

    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    with torch.autocast(query.device.type, enabled=False):
        scores = torch.matmul(query * scaling, key.transpose(-1, -2))
        if attention_mask is not None:
            scores = scores + attention_mask.to(scores.dtype)
        weights = scores.softmax(-1)
        if dropout and module.training:
            weights = drop(weights, dropout)
        states = torch.matmul(weights, value)
    return states.transpose(1, 2).contiguous(), None
