"""Every runtime against Hugging Face's BERT, an implementation that is not ours."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from encoder.bert import embedding_head, reader_head
from encoder.checkpoint import read_checkpoint
from encoder.cpu import flags, has_dot_product, has_fast_bf16
from encoder.session import open_session, pick
from encoder.torch_runtime import TorchSession
from indexing.errors import InputError


@pytest.fixture(scope="module")
def batch():
    generator = np.random.default_rng(3)
    ids = generator.integers(5, 40, (5, 37)).astype(np.int32)
    mask = np.ones_like(ids)
    mask[1, 20:] = 0
    mask[4, 3:] = 0
    segments = np.zeros_like(ids)
    segments[:, 9:] = 1
    return ids, segments * mask, mask


@pytest.fixture(scope="module")
def reference(tiny_bert, batch):
    import torch
    from transformers import BertForQuestionAnswering

    model = BertForQuestionAnswering.from_pretrained(tiny_bert).eval()
    ids, segments, mask = (torch.from_numpy(values).long() for values in batch)
    with torch.no_grad():
        out = model(
            input_ids=ids,
            token_type_ids=segments,
            attention_mask=mask,
            output_hidden_states=True,
        )
    logits = torch.stack([out.start_logits, out.end_logits], -1).numpy()
    states = out.hidden_states[-1] * mask[..., None]
    return logits, torch.nn.functional.normalize(states.sum(1), dim=1).numpy()


def sessions(folder, head):
    return {
        "openvino": open_session(folder, head, "cpu", "fp32"),
        "torch": TorchSession(read_checkpoint(folder), head, device="cpu", precision="fp32"),
    }


@pytest.mark.parametrize("name", ["openvino", "torch"])
def test_fp32_runtimes_equal_hugging_face(tiny_bert, batch, reference, name):
    kept = batch[2].astype(bool)
    logits = sessions(tiny_bert, reader_head)[name].run(*batch)[0]
    np.testing.assert_allclose(logits[kept], reference[0][kept], atol=2e-4)
    vectors = sessions(tiny_bert, embedding_head)[name].run(*batch)[0]
    np.testing.assert_allclose(vectors, reference[1], atol=1e-5)


def test_int8_is_close_to_hugging_face(tiny_bert, batch, reference):
    kept = batch[2].astype(bool)
    logits = open_session(tiny_bert, reader_head, "cpu", "int8").run(*batch)[0]
    error = np.abs(logits[kept] - reference[0][kept]).mean()
    assert 0 < error < 0.1 * reference[0][kept].std()
    vectors = open_session(tiny_bert, embedding_head, "cpu", "int8").run(*batch)[0]
    assert (vectors * reference[1]).sum(axis=1).min() > 0.98


def rounded(values, low, high, zero):
    """Round each row to whole numbers by hand: a scale a row, from `low` to `high` around 0."""
    scales = np.maximum(np.abs(values).max(axis=1) / high, low / zero)[:, None]
    return np.clip(np.rint(values / scales), -zero, high) * scales


@pytest.mark.parametrize("wide", [False, True])
def test_int8_products_have_a_scale_for_each_word_piece(wide):
    import onnxruntime

    from encoder.onnx_runtime import INPUTS, ChannelReach, OnnxPrimitives, _model

    random = np.random.default_rng(1)
    tables = [random.normal(size=(9, 16)).astype(np.float32) for _ in range(3)]
    tables[0][4] *= 50  # one piece that would leave the others no steps
    weight, bias = (random.normal(size=s).astype(np.float32) for s in ((8, 16), 8))
    reach = ChannelReach([np.ones(16, np.float32)], [np.ones(16, np.float32)])
    p = OnnxPrimitives(127, reach, by_piece=True)
    states = p.embed(*INPUTS, tables)
    if wide:
        states = p._gelu(states)
        p.inner.append(states)
    session = onnxruntime.InferenceSession(_model(p, [states, p.linear(states, weight, bias)]))
    row = np.arange(9, dtype=np.int32)[None]
    values, product = session.run(None, dict(zip(INPUTS, (row, row % 3), strict=True)))
    whole = rounded(values[0], 0.17, 239, 16) if wide else rounded(values[0], 0, 127, 127)
    expected = whole @ rounded(weight, 0, 127, 127).T + bias
    np.testing.assert_allclose(product[0], expected, rtol=1e-4, atol=1e-4)


def test_bf16_is_close_to_hugging_face(tiny_bert, batch, reference):
    vectors = open_session(tiny_bert, embedding_head, "cpu", "bf16").run(*batch)[0]
    assert (vectors * reference[1]).sum(axis=1).min() > 0.995


def test_padding_does_not_change_a_row(tiny_bert, batch):
    ids, segments, mask = batch
    for precision, tolerance in (("fp32", 1e-4), ("int8", 0)):
        session = open_session(tiny_bert, reader_head, "cpu", precision)
        alone = session.run(ids[4:, :3], segments[4:, :3], mask[4:, :3])[0]
        np.testing.assert_allclose(session.run(*batch)[0][4, :3], alone[0], atol=tolerance, rtol=0)


def test_out_of_memory_halves_the_batch(tiny_bert, batch, monkeypatch):
    import torch

    session = TorchSession(read_checkpoint(tiny_bert), reader_head, device="cpu", precision="fp32")
    whole = session.run(*batch)[0]
    real, sizes = session._run, []

    def small(ids, segments, mask):
        sizes.append(len(ids))
        if len(ids) > 1:
            raise torch.OutOfMemoryError
        return real(ids, segments, mask)

    monkeypatch.setattr(session, "_run", small)
    np.testing.assert_allclose(session.run(*batch)[0], whole, atol=2e-4)
    assert sizes[0] == 5
    assert sizes.count(1) == 5


def test_int8_model_is_built_once_and_rebuilt_for_a_changed_checkpoint(tiny_bert, tmp_path):
    from encoder.model_cache import cache_folder

    folder = tmp_path / "copy"
    shutil.copytree(tiny_bert, folder)
    before = set((cache_folder() / "models").glob("*")) if cache_folder().exists() else set()
    open_session(folder, reader_head, "cpu", "int8")
    open_session(folder, reader_head, "cpu", "int8")
    first = set((cache_folder() / "models").glob("*")) - before
    assert len(first) == 1
    # Spans need a scale for each word piece, vectors do not.
    assert "by-piece" in next(iter(first)).name
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes())
    open_session(folder, reader_head, "cpu", "int8")
    assert len(set((cache_folder() / "models").glob("*")) - before) == 2


def test_int8_works_without_a_cache_folder(tiny_bert, batch, monkeypatch, tmp_path):
    wall = tmp_path / "file"
    wall.write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(wall))
    assert open_session(tiny_bert, reader_head, "cpu", "int8").run(*batch)[0].shape == (5, 37, 2)


def test_bad_checkpoints_are_named(tmp_path, tiny_bert):
    with pytest.raises(InputError, match=r"config\.json"):
        open_session(tmp_path, reader_head, "cpu", "fp32")
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_bert, folder)
    (folder / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(InputError, match="damaged"):
        open_session(folder, reader_head, "cpu", "fp32")
    with pytest.raises(InputError, match="damaged"):
        open_session(folder, reader_head, "cpu", "int8")


def test_choice_of_device_and_precision(monkeypatch, tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor : 0\nflags\t\t: fpu avx2 amx_bf16 avx512_vnni\n")
    found = flags(info)
    assert has_fast_bf16(found)
    assert has_fast_bf16(frozenset({"sse4a", "avx512_bf16"}))
    assert not has_fast_bf16(frozenset({"sse4a"}))
    assert not has_fast_bf16(frozenset({"avx512_bf16", "avx512_vnni"}))
    assert has_dot_product(found)
    assert not has_fast_bf16(flags(tmp_path / "missing"))
    monkeypatch.setattr("encoder.cpu.flags", lambda: found)
    assert pick("cpu", "auto") == ("cpu", "bf16")
    amd = frozenset({"sse4a", "avx512_bf16", "avx512_vnni"})
    monkeypatch.setattr("encoder.cpu.flags", lambda: amd)
    assert pick("cpu", "auto") == ("cpu", "int8")
    assert pick("cuda", "auto") == ("cuda", "bf16")
    assert pick("cuda", "fp32") == ("cuda", "fp32")
    with pytest.raises(InputError, match="int4"):
        pick("cpu", "int4")
