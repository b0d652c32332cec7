"""BERT on the CPU through ONNX Runtime, in int8 with ranges found at run time.

This is the fast path on processors with neither AMX nor AVX-512 VNNI, for which there is
`encoder.jit_runtime` (`benchmarks/encoder_speed.py`, `benchmarks/reader_speed.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoder.batching import stacked
from encoder.bert import Array, Head, Linear, Node, embedding_head, encode
from encoder.channel_reach import Batch, ChannelReach, balance, measure_reach
from encoder.checkpoint import WORDS, Checkpoint, read_checkpoint
from encoder.jit.layout import GELU_DEPTH, GELU_ZERO, MIDDLE
from encoder.model_cache import cached_model

# Without VNNI two products of 8 by 8 bits are added in 16 bits, which overflows; weights of 7 bits
# cannot (ONNX Runtime documentation, "Quantization", on `reduce_range`).
SAFE_LIMIT = 63
FULL_LIMIT = 127

INPUTS = ("input_ids", "token_type_ids")


class OnnxPrimitives:
    """Collects ONNX nodes and weights; node values are the names of their outputs.

    Rows are never padded, so that masks are left out: with one, attention would write its whole
    table of weights down, which the runtime else never does (Dao et al. 2022, "FlashAttention").
    Weights are whole numbers up to `limit`, balanced by how far the channels `reach`; without the
    two they are floating-point numbers. With `by_piece` each word piece of a row has a scale of
    its own, else the row has one for all. `inner` and `norms` are the nodes of each layer's inner
    channels and of the layer norms.
    """

    def __init__(
        self, limit: int | None = None, reach: ChannelReach | None = None, by_piece: bool = False
    ) -> None:
        from onnx import helper

        self._helper: Any = helper
        self._limit = limit
        self._reach = reach
        self._by_piece = by_piece
        self._zeros: dict[int, str] = {}
        self.inner: list[str] = []
        self.norms: list[str] = []
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def _add(self, kind: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> Any:
        names = [f"n{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(self._helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def _constant(self, value: Array) -> str:
        from onnx import numpy_helper

        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _numbers(self, *values: int) -> str:
        return self._constant(np.array(values, dtype=np.int64))

    def embed(self, ids: Node, segments: Node, tables: Sequence[Array]) -> Node:
        """See `Primitives`."""
        words, types, positions = (self._constant(table) for table in tables)
        length = self._add("Shape", [ids], start=1, end=2)
        places = self._add("Slice", [positions, self._numbers(0), length, self._numbers(0)])
        if self._by_piece:
            for zero in (MIDDLE, GELU_ZERO):
                self._zeros[zero] = self._add("Expand", [self._zero(zero), length])
        total = self.add(self._add("Gather", [words, ids]), self._add("Gather", [types, segments]))
        return self.add(total, places)

    def norm(self, states: Node, weight: Array, bias: Array, epsilon: float) -> Node:
        """See `Primitives`."""
        inputs = [states, self._constant(weight), self._constant(bias)]
        normed: str = self._add("LayerNormalization", inputs, axis=-1, epsilon=epsilon)
        self.norms.append(normed)
        return normed

    def linear(self, states: Node, weight: Array, bias: Array) -> Node:
        """See `Primitives`; wide channels hand width to their weights (`balance`)."""
        if self._limit is None or self._reach is None:
            return self.small_linear(states, weight, bias)
        if states in self.norms:
            ratio = balance(self._reach.norms[self.norms.index(states)], weight)
            states = self._add("Mul", [states, self._constant(np.reciprocal(ratio))])
            weight = weight * ratio
        steps = np.abs(weight).max(axis=1) / self._limit
        steps = np.where(steps == 0, 1, steps).astype(np.float32)
        whole = np.clip(np.rint(weight.T / steps), -self._limit, self._limit).astype(np.int8)
        multiply = self._by_piece_product if self._by_piece else self._by_row_product
        return self.add(multiply(states, whole, steps), self._constant(bias))

    def _by_row_product(self, states: Node, whole: Array, steps: Array) -> Node:
        values, scale, zero = self._add("DynamicQuantizeLinear", [states], 3)
        zeros = self._constant(np.zeros_like(whole[0]))
        product = self._add("MatMulInteger", [values, self._constant(whole), zero, zeros])
        product = self._add("Cast", [product], to=1)
        return self._add("Mul", [product, self._add("Mul", [scale, self._constant(steps)])])

    def _by_piece_product(self, states: Node, whole: Array, steps: Array) -> Node:
        """Multiply with a scale for each word piece, which suits the one row that is run."""
        wide = states in self.inner
        zero, least = (GELU_ZERO, GELU_DEPTH / GELU_ZERO) if wide else (MIDDLE, 1e-9)
        sizes = states if wide else self._add("Abs", [states])
        peaks = self._add("ReduceMax", [sizes, self._numbers(0, 2)], keepdims=0)
        scale = self._add("Mul", [peaks, self._float(1 / (255 - zero))])
        scale = self._add("Max", [scale, self._float(least)])
        values = self._add("QuantizeLinear", [states, scale, self._zeros[zero]], axis=1)
        factors = [self._float(1), self._constant(steps)]
        zeros = [self._zero(zero), self._constant(np.zeros_like(whole[0]))]
        inputs = [values, self._constant(whole), *factors, *zeros]
        product = self._add("MatMulIntegerToFloat", inputs, domain="com.microsoft")
        return self._add("Mul", [product, self._add("Unsqueeze", [scale, self._numbers(1)])])

    def _float(self, value: float) -> str:
        return self._constant(np.array(value, dtype=np.float32))

    def _zero(self, value: int) -> str:
        return self._constant(np.array(value, dtype=np.uint8))

    def attention(self, joined: Node, mask: Node, heads: int) -> Node:
        """See `Primitives`."""
        del mask
        parts = self._add("Split", [joined], 3, axis=2, num_outputs=3)
        return self._add("MultiHeadAttention", parts, domain="com.microsoft", num_heads=heads)

    def feed_forward(self, states: Node, inner: Linear, outer: Linear) -> Node:
        """See `Primitives`; the outlier channels go their own way, in floating point."""
        (up, up_bias), (down, down_bias) = inner, outer
        layer = len(self.inner)
        far = self._reach.outliers(layer) if self._reach else np.array([], dtype=np.int64)
        near = np.setdiff1d(np.arange(len(up)), far)
        wide = self._gelu(self.linear(states, up[near], up_bias[near]))
        self.inner.append(wide)
        narrow = self.linear(wide, down[:, near], down_bias)
        if not len(far):
            return narrow
        wide = self._gelu(self.small_linear(states, up[far], up_bias[far]))
        return self.add(narrow, self._add("MatMul", [wide, self._constant(down[:, far].T)]))

    def _gelu(self, states: Node) -> Node:
        return self._add("Gelu", [states], domain="com.microsoft")

    def peaks(self, states: Node) -> Node:
        """Return each channel's largest absolute value over all rows and positions."""
        inputs = [self._add("Abs", [states]), self._numbers(0, 1)]
        return self._add("ReduceMax", inputs, keepdims=0)

    def add(self, left: Node, right: Node) -> Node:
        """See `Primitives`."""
        return self._add("Add", [left, right])

    def mean(self, states: Node, mask: Node) -> Node:
        """See `Primitives`."""
        del mask
        total = self._add("ReduceSum", [states, self._numbers(1)], keepdims=0)
        return self._add("LpNormalization", [total], axis=1, p=2)

    def first(self, states: Node) -> Node:
        """See `Primitives`."""
        bounds = [self._numbers(0), self._numbers(1), self._numbers(1)]
        return self._add("Squeeze", [self._add("Slice", [states, *bounds]), self._numbers(1)])

    def small_linear(self, states: Node, weight: Array, bias: Array) -> Node:
        """See `Primitives`."""
        product = self._add("MatMul", [states, self._constant(weight.T)])
        return self.add(product, self._constant(bias))


class OnnxSession:
    """A loaded model; threads may share it. The built graph is kept in the user's cache folder.

    Each run keeps to one thread, and several run side by side: a batch that fits the caches of one
    core is a quarter faster than a large one shared by all (`benchmarks/encoder_speed.py`). Rows
    are run alone: the ranges of int8 are then their own, so that no answer depends on what else is
    asked, and nothing is padded. Only short texts take longer for it (`docs/performance.md`).
    """

    tokens = 1

    def __init__(self, folder: Path, head: Head, *, limit: int, threads: int) -> None:
        import onnxruntime

        # A sentence vector is a mean over the word pieces, in which their errors cancel; the ends
        # of a span are single pieces, whose errors decide between close ones.
        by_piece = head is not embedding_head

        self.workers = threads
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3  # errors only

        def build(target: Path) -> None:
            storing = onnxruntime.SessionOptions()
            storing.log_severity_level = 3
            storing.optimized_model_filepath = str(target)
            onnxruntime.InferenceSession(_serialize(folder, head, limit, by_piece), storing)

        scales = "by-piece" if by_piece else "by-row"
        kind = f"{head.__name__}-{scales}-int8-{limit}-ort{onnxruntime.__version__}"
        model: Path | bytes | None = cached_model(folder, kind, build)
        if model is None:
            model = _serialize(folder, head, limit, by_piece)
        else:
            # It is optimised already, for this very version of the runtime.
            level = onnxruntime.GraphOptimizationLevel
            options.graph_optimization_level = level.ORT_DISABLE_ALL
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )

    def run(
        self, ids: NDArray[np.int32], segments: NDArray[np.int32], mask: NDArray[np.int32]
    ) -> list[NDArray[np.float32]]:
        """Return the head's outputs for one padded batch; those of padding are 0."""
        rows = []
        for row, kinds, length in zip(ids, segments, mask.sum(axis=1), strict=True):
            inputs = dict(zip(INPUTS, (row[None, :length], kinds[None, :length]), strict=True))
            rows.append(self._session.run(None, inputs))
        return [stacked([row[number][0] for row in rows]) for number in range(len(rows[0]))]


def _serialize(folder: Path, head: Head, limit: int, by_piece: bool) -> bytes:
    """Return the int8 graph of a checkpoint."""
    checkpoint = read_checkpoint(folder)
    reach = checkpoint_reach(checkpoint, folder)
    primitives = OnnxPrimitives(limit, reach, by_piece)
    states = encode(primitives, checkpoint, *INPUTS, None)
    return _model(primitives, head(primitives, checkpoint, states, None))


def checkpoint_reach(checkpoint: Checkpoint, folder: Path) -> ChannelReach:
    """Measure how far a model's channels reach, in floating point; see `measure_reach`."""
    words = len(checkpoint.tensors[WORDS])
    return measure_reach(_peaks(checkpoint), checkpoint.config, folder, words)


def _peaks(checkpoint: Checkpoint) -> Callable[[Batch], list[NDArray[np.float32]]]:
    """Return what runs the model in floating point and gives its channels' peaks."""
    import onnxruntime

    primitives = OnnxPrimitives()
    encode(primitives, checkpoint, *INPUTS, None)
    outputs = [primitives.peaks(node) for node in primitives.inner + primitives.norms]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(_model(primitives, outputs), options)

    def run(batch: Batch) -> list[NDArray[np.float32]]:
        found: list[NDArray[np.float32]] = session.run(None, dict(zip(INPUTS, batch, strict=True)))
        return found

    return run


def _model(primitives: OnnxPrimitives, outputs: Sequence[str]) -> bytes:
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        primitives.nodes,
        "bert",
        [helper.make_tensor_value_info(n, TensorProto.INT32, ["rows", "length"]) for n in INPUTS],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
        initializer=primitives.weights,
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    serialized: bytes = model.SerializeToString()
    return serialized
