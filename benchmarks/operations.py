"""What a BERT has to compute, the operations of its matrix products, and how fast those can be."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from encoder import cpu


def bert_products(folder: Path, lengths: np.ndarray) -> float:
    """Return the floating-point operations of one forward pass over rows of these lengths."""
    config = json.loads((folder / "config.json").read_text())
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    weights = (4 * hidden * hidden + 2 * hidden * inner) * float(lengths.sum())
    attention = 2 * hidden * float((lengths.astype(np.float64) ** 2).sum())
    return 2.0 * config["num_hidden_layers"] * (weights + attention)


def whole_number_peak(size: int = 1536) -> float:
    """Return operations per second of a large product of 8-bit whole numbers, all cores."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(1)
    weight = generator.integers(-127, 128, (size, size), dtype=np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["states", "weight"], ["product"])],
        "product",
        [helper.make_tensor_value_info("states", TensorProto.UINT8, [size, size])],
        [helper.make_tensor_value_info("product", TensorProto.INT32, [size, size])],
        initializer=[numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cpu.threads()
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    states = generator.integers(0, 256, (size, size), dtype=np.uint8)
    best = float("inf")
    for _ in range(8):
        begin = time.perf_counter()
        session.run(None, {"states": states})
        best = min(best, time.perf_counter() - begin)
    return 2 * size**3 / best


def peak(device: str, precision: str) -> float:
    """Return operations per second of a large product in the number format of a precision."""
    import torch

    from reader.pretraining.throughput import measured_peak

    if precision == "int8":
        return whole_number_peak()
    return measured_peak(torch.device(device), half=precision == "bf16")
