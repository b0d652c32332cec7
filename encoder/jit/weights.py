"""A checkpoint's weights as the machine code reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoder.bert import EMBEDDINGS
from encoder.channel_reach import ChannelReach, balance
from encoder.checkpoint import BertConfig, Checkpoint
from encoder.jit.layout import GELU_ZERO, GROUP, LANES, MIDDLE, VECTORS, WIDTH
from encoder.jit.network import NORM, PRODUCT

TABLES = tuple(f"embeddings.{kind}_embeddings.weight" for kind in EMBEDDINGS)
HEAD = "head."

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Packed:
    """A linear layer as the product reads it.

    Attributes:
        weights: int8 (outputs / 32, inputs / 4, 2, 16, 4).
        steps: what a weight of 1 stands for, float32 (outputs,).
        shift: what the states' zero adds to the sums, with its sign turned, int32 (outputs,).
        bias: float32 (outputs,).
        far: weights of the inputs that stay in floating point, float32 (far, outputs).
    """

    weights: NDArray[np.int8]
    steps: NDArray[np.float32]
    shift: NDArray[np.int32]
    bias: NDArray[np.float32]
    far: NDArray[np.float32]


def pack(weight: NDArray[np.float32], bias: NDArray[np.float32], zero: int, far: int = 0) -> Packed:
    """Round a layer's weights (outputs, inputs) to int8, each output with a step of its own."""
    outputs, inputs = weight.shape
    near = weight.copy()
    near[:, inputs - far :] = 0
    steps = np.abs(near).max(axis=1) / 127
    steps = np.where(steps == 0, 1, steps).astype(np.float32)
    whole = np.clip(np.rint(near.T / steps), -127, 127).astype(np.int8)
    tiles = whole.reshape(inputs // GROUP, GROUP, outputs // WIDTH, VECTORS, LANES)
    return Packed(
        weights=np.ascontiguousarray(tiles.transpose(2, 0, 3, 4, 1)),
        steps=steps,
        shift=(-zero * whole.astype(np.int32).sum(axis=0)).astype(np.int32),
        bias=np.ascontiguousarray(bias, dtype=np.float32),
        far=np.ascontiguousarray(weight[:, inputs - max(far, 1) :].T),
    )


def rounded_weights(model: Checkpoint, reach: ChannelReach) -> Arrays:
    """Return all tensors: `network.pointers` by name, embeddings, and `head.` of what remains."""
    found: Arrays = {name: _kept(model.tensors[name]) for name in TABLES}
    for layer in range(model.config.layers):
        found |= {f"{layer}.{name}": value for name, value in _layer(model, reach, layer).items()}
    # What a norm writes is divided by what the following product's weights were multiplied by.
    ratios = [
        found.pop(f"{layer}.{name}.ratio")
        for layer in range(model.config.layers)
        for name in ("joined", "up")
    ]
    found |= _norm(model, "embeddings.LayerNorm", "first", ratios[0])
    for layer in range(model.config.layers):
        start = f"encoder.layer.{layer}."
        middle, last = ratios[2 * layer + 1], ratios[2 * layer + 2 : 2 * layer + 3]
        found |= _norm(model, f"{start}attention.output.LayerNorm", f"{layer}.middle", middle)
        final = last[0] if last else np.ones_like(middle)
        found |= _norm(model, f"{start}output.LayerNorm", f"{layer}.last", final)
    for name, tensor in model.tensors.items():
        if not name.startswith(("embeddings.", "encoder.")):
            found[HEAD + name] = tensor
    return {name: np.ascontiguousarray(value) for name, value in found.items()}


def _kept(table: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
    """Return a table in half precision, if that is what it was stored in."""
    half = table.astype(np.float16)
    return half if np.array_equal(half, table) else table


def _layer(model: Checkpoint, reach: ChannelReach, layer: int) -> Arrays:
    start = f"encoder.layer.{layer}."

    def linear(name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return model.tensors[f"{start}{name}.weight"], model.tensors[f"{start}{name}.bias"]

    found: Arrays = {}

    def put(name: str, weight: Any, bias: Any, zero: int = MIDDLE, far: int = 0) -> None:
        packed = pack(weight, bias, zero, far)
        found.update({f"{name}.{part}": getattr(packed, part) for part in PRODUCT})

    weight, bias = linear("attention.joined")
    ratio = balance(reach.norms[2 * layer], weight)
    scale = _query_scale(model.config)
    put("joined", weight * ratio * scale[:, None], bias * scale)
    found["joined.ratio"] = ratio
    put("output", *linear("attention.output.dense"))
    far = reach.outliers(layer, LANES)  # whole vectors
    weight, bias = linear("intermediate.dense")
    order = np.concatenate([np.setdiff1d(np.arange(len(weight)), far), far])
    ratio = balance(reach.norms[2 * layer + 1], weight)
    put("up", (weight * ratio)[order], bias[order])
    found["up.ratio"] = ratio
    weight, bias = linear("output.dense")
    put("down", weight[:, order], bias, GELU_ZERO, len(far))
    return found


def _query_scale(config: BertConfig) -> NDArray[np.float32]:
    """Return what queries are multiplied by, so that powers of two make attention's softmax."""
    scale = np.ones(3 * config.hidden, dtype=np.float32)
    scale[: config.hidden] = math.log2(math.e) / math.sqrt(config.hidden // config.heads)
    return scale


def _norm(model: Checkpoint, source: str, target: str, ratio: NDArray[np.float32]) -> Arrays:
    tensors = model.tensors
    parts: Sequence[NDArray[np.float32]] = (
        tensors[f"{source}.weight"],
        tensors[f"{source}.bias"],
        np.reciprocal(ratio),
    )
    return {f"{target}.{name}": part for name, part in zip(NORM, parts, strict=True)}
