"""The machine code for int8: each function beside numpy, the whole beside Hugging Face's BERT."""

from __future__ import annotations

import ctypes
import math
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from encoder import cpu
from encoder.bert import embedding_head, reader_head
from encoder.jit.network import aligned
from encoder.jit_runtime import JitSession, can_run
from encoder.onnx_runtime import OnnxSession
from encoder.session import open_session
from indexing.errors import InputError

pytestmark = pytest.mark.skipif(
    not cpu.has_wide_dot_product(cpu.flags()), reason="this processor has no AVX-512 VNNI"
)
HALVES = [False, True] if "avx512_bf16" in cpu.flags() else [False]
RANDOM = np.random.default_rng(7)


def normal(*shape):
    return aligned(RANDOM.standard_normal(shape).astype(np.float32))


def compiled(emit):
    """Return the function `f` that `emit(module)` writes, called with arrays and a count."""
    from llvmlite import binding, ir

    from encoder.jit.network import target_machine

    module = ir.Module("test")
    module.triple = binding.get_process_triple()
    emit(module)
    machine = target_machine()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(str(module)), machine)
    engine.finalize_object()
    count = len(module.globals["f"].args) - 1
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * count, ctypes.c_int64)
    function = kind(engine.get_function_address("f"))

    def call(*arguments):
        *arrays, number = arguments
        function(*(array.ctypes.data for array in arrays), number)
        return engine

    return call


def gelu(values):
    return values * 0.5 * (1 + np.vectorize(math.erf)(values.astype(float) / math.sqrt(2)))


@pytest.mark.parametrize("far", [0, 16])
@pytest.mark.parametrize("special", ["", "gelu", "residual"])
def test_products(far, special):
    from encoder.jit.products import Shape, emit_product
    from encoder.jit.weights import pack

    inputs, outputs, rows, zero = 64, 96, 24, 16
    shape = Shape(inputs, outputs, gelu=special == "gelu", residual=special == "residual", far=far)
    f = compiled(lambda module: emit_product(module, "f", shape))
    weight, bias, wide = normal(outputs, inputs), normal(outputs), normal(rows, inputs)
    packed = pack(weight, bias, zero, far)
    states = aligned(RANDOM.integers(0, 256, (rows, inputs)).astype(np.uint8))
    scales = aligned(RANDOM.random(rows).astype(np.float32) / 100)
    residual, out = normal(rows, outputs), normal(rows, outputs)
    parts = [
        aligned(getattr(packed, name)) for name in ("weights", "steps", "shift", "bias", "far")
    ]
    f(states, scales, *parts, wide, residual, out, rows // 12)
    near = inputs - far
    steps = np.abs(weight[:, :near]).max(axis=1) / 127
    whole = np.rint(weight[:, :near] / steps[:, None]) * steps[:, None]
    values = (states[:, :near].astype(float) - zero) * scales[:, None]
    expected = values @ whole.T + wide[:, near:] @ weight[:, near:].T + bias
    slack = np.full_like(expected, 2e-4)
    if special == "gelu":
        slack += 3e-5 * np.abs(expected)  # where GELU is next to 0, or next to its value
        expected = gelu(expected)
    if special == "residual":
        expected = expected + residual
    assert (np.abs(out - expected) <= slack + 1e-4 * np.abs(expected)).all()


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_embeddings(kind):
    from encoder.jit.embedding import emit_embedding

    rows, width = 9, 48
    f = compiled(lambda module: emit_embedding(module, "f", width, half=kind == np.float16))
    tables = [aligned(RANDOM.standard_normal((n, width)).astype(kind)) for n in (50, 2, 20)]
    numbers = [aligned(RANDOM.integers(0, len(t), rows).astype(np.int32)) for t in tables]
    sums = normal(rows, width)
    f(*tables, *numbers, sums, rows)
    expected = sum(t.astype(np.float32)[n] for t, n in zip(tables, numbers, strict=True))
    np.testing.assert_allclose(sums, expected, rtol=1e-6, atol=1e-6)


def test_layer_norm_and_its_bytes():
    from encoder.jit.rows import emit_norm

    rows, width = 5, 48
    f = compiled(lambda module: emit_norm(module, "f", width, 1e-12))
    sums, weight, bias, balance = normal(rows, width), normal(width), normal(width), normal(width)
    expected = (sums - sums.mean(1, keepdims=True)) / sums.std(1, keepdims=True) * weight + bias
    states, scales = normal(rows, width), normal(rows)
    rounded = aligned(np.zeros((rows, width), np.uint8))
    f(sums, weight, bias, balance, states, rounded, scales, rows)
    np.testing.assert_allclose(states, expected, atol=1e-5)
    wanted = expected * balance
    np.testing.assert_allclose(scales, np.abs(wanted).max(axis=1) / 127, rtol=1e-5)
    error = np.abs((rounded.astype(float) - 128) * scales[:, None] - wanted)
    assert (error <= 0.5001 * scales[:, None] + 1e-5).all()


@pytest.mark.parametrize("inner", [False, True])
def test_rounding(inner):
    from encoder.jit.rows import emit_rounding

    rows, width, far = 7, 64, 16 if inner else 0
    f = compiled(lambda module: emit_rounding(module, "f", width, far, gelu=inner))
    states, scales = normal(rows, width), normal(rows)
    if inner:
        states[...] = gelu(states * 3)
        states[:, -1] = 1e6  # what is far has no part in a row's scale
    states[3] = 0
    rounded = aligned(np.zeros((rows, width), np.uint8))
    f(states, rounded, scales, rows)
    near = states[:, : width - far]
    zero = 16 if inner else 128
    error = np.abs((rounded[:, : width - far].astype(float) - zero) * scales[:, None] - near)
    assert (error <= 0.5001 * scales[:, None]).all()
    peaks = near.max(axis=1) / 239 if inner else np.abs(near).max(axis=1) / 127
    np.testing.assert_allclose(scales, np.maximum(peaks, 0.17 / 16 if inner else 1e-9), rtol=1e-5)


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("width", [32, 64])
def test_attention(half, width):
    from encoder.jit.attention import emit_attention
    from encoder.jit.layout import STRIDE

    heads, rows = 2, 560
    f = compiled(lambda module: emit_attention(module, "f", heads, width, half=half))
    joined, out = normal(rows, 3 * heads * width), normal(rows, heads * width)
    joined *= 0.6
    work = [normal(rows * width) for _ in range(3)] + [normal(12 * STRIDE + 16) for _ in range(2)]
    for length in (1, 2, 12, 31, 32, 33, 100, 511, 512):
        f(joined, out, *work, length)
        parts = joined[:length].reshape(length, 3, heads, width).transpose(1, 2, 0, 3).astype(float)
        weights = np.exp2(parts[0] @ parts[1].transpose(0, 2, 1))
        weights /= weights.sum(axis=-1, keepdims=True)
        expected = (weights @ parts[2]).transpose(1, 0, 2).reshape(length, -1)
        error = np.abs(out[:length] - expected)
        assert error.max() < (0.05 if half else 1e-4)
        assert error.mean() < (0.003 if half else 1e-5)


@pytest.fixture(scope="module")
def small_bert(tmp_path_factory, tiny_bert):
    """A random model whose layers are as wide as the machine code needs."""
    import torch
    from transformers import BertConfig, BertForQuestionAnswering

    folder = tmp_path_factory.mktemp("small-bert") / "model"
    shutil.copytree(tiny_bert, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    config = BertConfig.from_pretrained(
        tiny_bert, hidden_size=64, num_attention_heads=2, intermediate_size=1536
    )
    torch.manual_seed(3)
    BertForQuestionAnswering(config).eval().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def batch():
    ids = RANDOM.integers(5, 40, (6, 90)).astype(np.int32)
    mask = np.ones_like(ids)
    for row, length in enumerate((90, 1, 13, 64, 33, 2)):
        mask[row, length:] = 0
    segments = np.zeros_like(ids)
    segments[:, 9:] = 1
    return ids, segments * mask, mask


def test_the_whole_is_close_to_hugging_face(small_bert, batch):
    import torch
    from transformers import BertForQuestionAnswering

    model = BertForQuestionAnswering.from_pretrained(small_bert).eval()
    ids, segments, mask = (torch.from_numpy(values).long() for values in batch)
    with torch.no_grad():
        found = model(ids, mask, segments, output_hidden_states=True)
    expected = torch.stack([found.start_logits, found.end_logits], -1).numpy()
    kept = batch[2].astype(bool)
    session = open_session(small_bert, reader_head, "cpu", "int8")
    assert isinstance(session, JitSession)
    logits = session.run(*batch)[0]
    error = np.abs(logits[kept] - expected[kept]).mean()
    onnx = OnnxSession(small_bert, reader_head, limit=127, threads=1).run(*batch)[0]
    assert 0 < error < 1.2 * np.abs(onnx[kept] - expected[kept]).mean()
    assert not logits[~kept].any()
    states = (found.hidden_states[-1] * mask[..., None]).sum(1)
    vectors = JitSession(small_bert, embedding_head, threads=1).run(*batch)[0]
    expected = torch.nn.functional.normalize(states, dim=1).numpy()
    assert (vectors * expected).sum(axis=1).min() > 0.99


def test_pieces_without_an_embedding_are_refused(small_bert, batch):
    session = JitSession(small_bert, reader_head, threads=1)
    ids, segments, mask = batch
    for wrong in ((ids + 100_000, segments, mask), (ids, segments + 2, mask)):
        with pytest.raises(IndexError, match="no embedding"):
            session.run(*wrong)


def test_a_row_is_the_same_after_others_and_in_other_threads(small_bert, batch):
    session = JitSession(small_bert, reader_head, threads=2)
    batch = [np.tile(part, (3, 1)) for part in batch]
    assert batch[2].sum() > session.tokens  # more than are run together
    whole = session.run(*batch)[0]

    def alone(row):
        length = batch[2][row].sum()
        rows = slice(row, row + 1)
        return session.run(*(part[rows, :length] for part in batch))[0][0], whole[row, :length]

    with ThreadPoolExecutor(3) as pool:
        for found, expected in pool.map(alone, list(range(18)) * 2):
            np.testing.assert_array_equal(found, expected)


def test_code_and_weights_are_made_once(small_bert, batch, monkeypatch):
    first = JitSession(small_bert, reader_head, threads=1).run(*batch)[0]

    def fail(*_):
        raise AssertionError("made again")

    monkeypatch.setattr("encoder.jit_runtime.machine_code", fail)
    monkeypatch.setattr("encoder.jit_runtime.rounded_weights", fail)
    np.testing.assert_array_equal(
        JitSession(small_bert, reader_head, threads=1).run(*batch)[0], first
    )


def test_models_that_it_cannot_run_go_elsewhere(tiny_bert, small_bert, tmp_path, monkeypatch):
    assert can_run(small_bert)
    assert not can_run(tiny_bert)  # heads of 8
    monkeypatch.setattr("encoder.cpu.flags", lambda: frozenset({"avx_vnni", "avx2"}))
    assert not can_run(small_bert)
    with pytest.raises(InputError, match=r"config\.json"):
        can_run(tmp_path)
