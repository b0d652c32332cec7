"""BERT on the CPU through OpenVINO: fp32, or bf16 where the processor has it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoder.bert import Array, Head, Linear, Node, encode
from encoder.checkpoint import Checkpoint


class OpenVinoPrimitives:
    """Builds OpenVINO nodes."""

    def __init__(self) -> None:
        import openvino.opset13 as op

        self._op: Any = op

    def _constant(self, value: Any) -> Node:
        return self._op.constant(np.asarray(value))

    def embed(self, ids: Node, segments: Node, tables: Sequence[Array]) -> Node:
        """See `Primitives`."""
        op, axis = self._op, self._constant(np.int64(0))
        words, types, positions = (self._constant(table) for table in tables)
        length = op.gather(op.shape_of(ids), self._constant(np.int64(1)), axis)
        places = op.range(self._constant(np.int64(0)), length, self._constant(np.int64(1)), "i64")
        total = op.add(op.gather(words, ids, axis), op.gather(types, segments, axis))
        return op.add(total, op.gather(positions, places, axis))

    def norm(self, states: Node, weight: Array, bias: Array, epsilon: float) -> Node:
        """See `Primitives`."""
        op = self._op
        axes = self._constant(np.array([-1], dtype=np.int64))
        normal = op.mvn(states, axes, True, epsilon, "inside_sqrt")
        return op.add(op.multiply(normal, self._constant(weight)), self._constant(bias))

    def linear(self, states: Node, weight: Array, bias: Array) -> Node:
        """See `Primitives`."""
        product = self._op.matmul(states, self._constant(weight), False, True)
        return self._op.add(product, self._constant(bias))

    def small_linear(self, states: Node, weight: Array, bias: Array) -> Node:
        """See `Primitives`."""
        return self.linear(states, weight, bias)

    def attention(self, joined: Node, mask: Node, heads: int) -> Node:
        """See `Primitives`."""
        op = self._op
        width = int(joined.get_output_partial_shape(0)[2].get_length()) // 3
        size = width // heads
        shape = self._constant(np.array([0, 0, 3, heads, size], dtype=np.int64))
        order = self._constant(np.array([2, 0, 3, 1, 4], dtype=np.int64))
        split = op.transpose(op.reshape(joined, shape, True), order)
        axis = self._constant(np.int64(0))
        query, key, value = (op.gather(split, self._constant(np.int64(i)), axis) for i in range(3))
        hidden = op.subtract(self._constant(np.float32(1)), op.convert(mask, "f32"))
        bias = op.multiply(hidden, self._constant(np.float32(-1e4)))
        bias = op.unsqueeze(bias, self._constant(np.array([1, 2], dtype=np.int64)))
        scale = self._constant(np.float32(1 / math.sqrt(size)))
        mixed = op.scaled_dot_product_attention(query, key, value, bias, scale, False)
        mixed = op.transpose(mixed, self._constant(np.array([0, 2, 1, 3], dtype=np.int64)))
        return op.reshape(mixed, self._constant(np.array([0, 0, width], dtype=np.int64)), True)

    def feed_forward(self, states: Node, inner: Linear, outer: Linear) -> Node:
        """See `Primitives`."""
        return self.linear(self._op.gelu(self.linear(states, *inner), "erf"), *outer)

    def add(self, left: Node, right: Node) -> Node:
        """See `Primitives`."""
        return self._op.add(left, right)

    def mean(self, states: Node, mask: Node) -> Node:
        """See `Primitives`."""
        op = self._op
        kept = op.unsqueeze(op.convert(mask, "f32"), self._constant(np.array([2], dtype=np.int64)))
        axes = self._constant(np.array([1], dtype=np.int64))
        total = op.reduce_sum(op.multiply(states, kept), axes, False)
        return op.normalize_l2(total, axes, 1e-12, "max")

    def first(self, states: Node) -> Node:
        """See `Primitives`."""
        zero, axis = self._constant(np.int64(0)), self._constant(np.int64(1))
        return self._op.gather(states, zero, axis)


class OpenVinoSession:
    """A compiled model; every call runs in its own request, so threads may share a session."""

    workers = 1
    tokens = 4096

    def __init__(self, checkpoint: Checkpoint, head: Head, *, precision: str, threads: int) -> None:
        import openvino as ov

        primitives = OpenVinoPrimitives()
        inputs = _parameters()
        states = encode(primitives, checkpoint, *inputs)
        model = ov.Model(head(primitives, checkpoint, states, inputs[2]), list(inputs), "bert")
        self._compiled = ov.Core().compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": threads,
            },
        )

    def run(
        self, ids: NDArray[np.int32], segments: NDArray[np.int32], mask: NDArray[np.int32]
    ) -> list[NDArray[np.float32]]:
        """Return the head's outputs for one padded batch."""
        request = self._compiled.create_infer_request()
        request.infer([ids, segments, mask])
        return [np.array(tensor.data) for tensor in request.output_tensors]


def _parameters() -> tuple[Node, Node, Node]:
    import openvino as ov
    import openvino.opset13 as op

    shape = ov.PartialShape([-1, -1])
    ids, segments, mask = (
        op.parameter(shape, np.int32, name=name)
        for name in ("input_ids", "token_type_ids", "attention_mask")
    )
    return ids, segments, mask
