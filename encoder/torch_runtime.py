"""BERT through torch: bf16 with fused attention on a GPU, fp32 anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from encoder.bert import Array, Head, Linear, Node, encode
from encoder.checkpoint import Checkpoint
from encoder.transfer import to_device

if TYPE_CHECKING:
    import torch


GPU_TOKENS = 1 << 16  # few launches for a large batch; if memory runs out, it is halved


class TorchWeights:
    """A checkpoint's weights on a device; each is moved on first use."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        import torch

        self._torch: Any = torch
        self._device, self._dtype = device, dtype
        self._moved: dict[int, torch.Tensor] = {}

    def __call__(self, value: Array) -> torch.Tensor:
        """Return the weight on the device; the checkpoint keeps `value`, and so its id, alive."""
        if id(value) not in self._moved:
            self._moved[id(value)] = self._torch.from_numpy(value).to(self._device, self._dtype)
        return self._moved[id(value)]


class TorchPrimitives:
    """Computes at once: nodes are tensors. `padded` tells whether a batch has padding at all."""

    def __init__(self, weights: TorchWeights, *, padded: bool) -> None:
        import torch

        self._torch: Any = torch
        self._weight, self._padded = weights, padded

    def embed(self, ids: Node, segments: Node, tables: Sequence[Array]) -> Node:
        """See `Primitives`."""
        words, types, positions = (self._weight(table) for table in tables)
        return words[ids] + types[segments] + positions[: ids.shape[1]]

    def norm(self, states: Node, weight: Array, bias: Array, epsilon: float) -> Node:
        """See `Primitives`."""
        return self._torch.nn.functional.layer_norm(
            states, (len(weight),), self._weight(weight), self._weight(bias), epsilon
        )

    def linear(self, states: Node, weight: Array, bias: Array) -> Node:
        """See `Primitives`."""
        return self._torch.nn.functional.linear(states, self._weight(weight), self._weight(bias))

    def small_linear(self, states: Node, weight: Array, bias: Array) -> Node:
        """See `Primitives`."""
        return self.linear(states, weight, bias)

    def attention(self, joined: Node, mask: Node, heads: int) -> Node:
        """See `Primitives`."""
        rows, length, width = joined.shape
        split = joined.view(rows, length, 3, heads, width // 3 // heads).permute(2, 0, 3, 1, 4)
        # Without padding no mask is passed: attention then takes its fastest kernel.
        allowed = mask.bool()[:, None, None, :] if self._padded else None
        mixed = self._torch.nn.functional.scaled_dot_product_attention(*split, attn_mask=allowed)
        return mixed.transpose(1, 2).reshape(rows, length, width // 3)

    def feed_forward(self, states: Node, inner: Linear, outer: Linear) -> Node:
        """See `Primitives`."""
        return self.linear(self._torch.nn.functional.gelu(self.linear(states, *inner)), *outer)

    def add(self, left: Node, right: Node) -> Node:
        """See `Primitives`."""
        return left + right

    def mean(self, states: Node, mask: Node) -> Node:
        """See `Primitives`."""
        total = (states.float() * mask[..., None]).sum(1)
        return self._torch.nn.functional.normalize(total, dim=1)

    def first(self, states: Node) -> Node:
        """See `Primitives`."""
        return states[:, 0]


class TorchSession:
    """A model on a torch device."""

    workers = 1

    def __init__(self, checkpoint: Checkpoint, head: Head, *, device: str, precision: str) -> None:
        import torch

        self._torch: Any = torch
        self._device = torch.device(device)
        self.tokens = 4096 if self._device.type == "cpu" else GPU_TOKENS
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self._checkpoint, self._head = checkpoint, head
        self._weights = TorchWeights(self._device, dtype)

    def run(
        self, ids: NDArray[np.int32], segments: NDArray[np.int32], mask: NDArray[np.int32]
    ) -> list[NDArray[np.float32]]:
        """Return the head's outputs for one padded batch, halving it if memory runs out."""
        try:
            return self._run(ids, segments, mask)
        except self._torch.OutOfMemoryError:
            if len(ids) == 1:
                raise
        middle = len(ids) // 2
        halves = [
            self.run(ids[part], segments[part], mask[part])
            for part in (slice(0, middle), slice(middle, None))
        ]
        return [np.concatenate(pair) for pair in zip(*halves, strict=True)]

    def _run(
        self, ids: NDArray[np.int32], segments: NDArray[np.int32], mask: NDArray[np.int32]
    ) -> list[NDArray[np.float32]]:
        torch = self._torch
        primitives = TorchPrimitives(self._weights, padded=not bool(mask.all()))
        with torch.inference_mode():
            inputs = [to_device(values, self._device).long() for values in (ids, segments, mask)]
            states = encode(primitives, self._checkpoint, *inputs)
            outputs = self._head(primitives, self._checkpoint, states, inputs[2])
            return [output.float().cpu().numpy() for output in outputs]
