"""The BERT encoder (Devlin et al. 2019, section 3), written once for every CPU runtime.

A runtime supplies the primitives; this file puts them together, so that the runtimes cannot
drift apart. Nodes are the runtime's own objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from encoder.checkpoint import Checkpoint

Node = Any
Array = NDArray[np.float32]
Linear = tuple[Array, Array]  # weight (outputs, inputs) and bias (outputs,)
EMBEDDINGS = ("word", "token_type", "position")


class HeadPrimitives(Protocol):
    """What a head needs; shapes are (rows, length, hidden) unless said otherwise."""

    def small_linear(self, states: Node, weight: Array, bias: Array) -> Node:
        """Return `states @ weight.T + bias` in floating point: its output is the answer."""
        ...

    def mean(self, states: Node, mask: Node) -> Node:
        """Return the unit vector along the mean of the unmasked states, (rows, hidden)."""
        ...

    def first(self, states: Node) -> Node:
        """Return the first state of each row, (rows, hidden)."""
        ...


class Primitives(HeadPrimitives, Protocol):
    """What a runtime must offer; shapes are (rows, length, hidden) unless said otherwise."""

    def embed(self, ids: Node, segments: Node, tables: Sequence[Array]) -> Node:
        """Return the sum of word, segment and position embeddings."""
        ...

    def norm(self, states: Node, weight: Array, bias: Array, epsilon: float) -> Node:
        """Return layer normalisation over the last axis."""
        ...

    def linear(self, states: Node, weight: Array, bias: Array) -> Node:
        """Return `states @ weight.T + bias`; the runtime may compute it in int8."""
        ...

    def attention(self, joined: Node, mask: Node, heads: int) -> Node:
        """Return multi-head attention over queries, keys and values joined on the last axis."""
        ...

    def feed_forward(self, states: Node, inner: Linear, outer: Linear) -> Node:
        """Return the outer layer of the exact (erf) GELU of the inner one."""
        ...

    def add(self, left: Node, right: Node) -> Node:
        """Return the sum of two nodes."""
        ...


class Head(Protocol):
    """What stands on the encoder: a named function from hidden states and mask to outputs."""

    __name__: str

    def __call__(
        self, p: HeadPrimitives, model: Checkpoint, states: Node, mask: Node
    ) -> list[Node]:
        """Return the output nodes."""
        ...


def encode(p: Primitives, model: Checkpoint, ids: Node, segments: Node, mask: Node) -> Node:
    """Return the last hidden states."""
    config = model.config
    tables = [model.tensors[f"embeddings.{kind}_embeddings.weight"] for kind in EMBEDDINGS]
    states = p.embed(ids, segments, tables)
    states = _norm(p, model, states, "embeddings.LayerNorm")
    for number in range(config.layers):
        layer = f"encoder.layer.{number}."
        joined = p.linear(states, *_pair(model, layer + "attention.joined"))
        mixed = p.attention(joined, mask, config.heads)
        mixed = p.linear(mixed, *_pair(model, layer + "attention.output.dense"))
        states = _norm(p, model, p.add(states, mixed), layer + "attention.output.LayerNorm")
        inner, outer = (
            _pair(model, layer + f"{name}.dense") for name in ("intermediate", "output")
        )
        narrow = p.feed_forward(states, inner, outer)
        states = _norm(p, model, p.add(states, narrow), layer + "output.LayerNorm")
    return states


def _norm(p: Primitives, model: Checkpoint, states: Node, name: str) -> Node:
    tensors = model.tensors
    return p.norm(states, tensors[name + ".weight"], tensors[name + ".bias"], model.config.epsilon)


def _pair(model: Checkpoint, name: str) -> Linear:
    return model.tensors[name + ".weight"], model.tensors[name + ".bias"]


def embedding_head(p: HeadPrimitives, model: Checkpoint, states: Node, mask: Node) -> list[Node]:
    """Return the sentence vector of each row: mean pooling, unit length."""
    del model
    return [p.mean(states, mask)]


def reader_head(p: HeadPrimitives, model: Checkpoint, states: Node, mask: Node) -> list[Node]:
    """Return span logits (rows, length, 2) and, if the checkpoint has it, relevance (rows, 1)."""
    del mask
    tensors = model.tensors
    spans = p.small_linear(states, tensors["qa_outputs.weight"], tensors["qa_outputs.bias"])
    if "relevance.weight" not in tensors:
        return [spans]
    relevance = p.small_linear(
        p.first(states), tensors["relevance.weight"], tensors["relevance.bias"]
    )
    return [spans, relevance]
