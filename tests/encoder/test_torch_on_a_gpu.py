"""Reading and training kernels on a GPU, beside the same on the CPU in fp32."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from encoder.bert import reader_head
from encoder.checkpoint import read_checkpoint
from encoder.torch_runtime import TorchSession
from encoder.training.attention import attend, attend_fused, boolean_mask, fit_attention
from encoder.training.compiling import compile_layers
from reader.model import load_model

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


def batch(rows=6, length=40):
    generator = np.random.default_rng(3)
    ids = generator.integers(5, 40, (rows, length)).astype(np.int32)
    lengths = generator.integers(length // 2, length + 1, rows)
    mask = (np.arange(length)[None, :] < lengths[:, None]).astype(np.int32)
    segments = ((np.arange(length)[None, :] >= 8) & (mask > 0)).astype(np.int32)
    return ids, segments, mask


def outputs(folder, device, precision, arrays):
    session = TorchSession(read_checkpoint(folder), reader_head, device=device, precision=precision)
    return session, session.run(*arrays)[0]


def test_fused_attention_is_attention():
    generator = torch.Generator().manual_seed(1)
    query, key, value = (torch.randn(3, 4, 9, 8, generator=generator) for _ in range(3))
    mask = torch.ones(3, 9, dtype=torch.long)
    mask[1, 5:] = 0
    module = torch.nn.Module().eval()
    fused, _ = attend_fused(module, query, key, value, boolean_mask(attention_mask=mask), 8**-0.5)
    hidden = torch.zeros(3, 9).masked_fill(mask == 0, -torch.inf)[:, None, None, :]
    plain, _ = attend(module, query, key, value, hidden, 8**-0.5)
    torch.testing.assert_close(fused, plain)
    assert boolean_mask(attention_mask=None) is None


@needs_gpu
def test_a_gpu_reads_as_the_cpu_does(tiny_bert):
    arrays = batch()
    inside = arrays[2] > 0
    _, spans = outputs(tiny_bert, "cpu", "fp32", arrays)
    for precision, tolerance in (("fp32", 2e-3), ("bf16", 0.15)):
        _, found = outputs(tiny_bert, "cuda", precision, arrays)
        np.testing.assert_allclose(found[inside], spans[inside], atol=tolerance, rtol=tolerance)


@needs_gpu
def test_a_batch_that_does_not_fit_is_halved(tiny_bert):
    arrays = batch(rows=4096, length=200)
    session, whole = outputs(tiny_bert, "cuda", "fp32", arrays)
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    # Room for about a quarter of what the batch needed.
    room = torch.cuda.memory_allocated() + torch.cuda.max_memory_allocated() // 4
    torch.cuda.set_per_process_memory_fraction(room / torch.cuda.mem_get_info()[1])
    sizes = []
    real = session._run
    session._run = lambda *parts: (sizes.append(len(parts[0])), real(*parts))[1]
    try:
        parts = session.run(*arrays)[0]
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert min(sizes) < len(arrays[0])
    inside = arrays[2] > 0
    np.testing.assert_allclose(parts[inside], whole[inside], atol=2e-3, rtol=2e-3)


@needs_gpu
def test_compiled_layers_train_as_plain_ones_do(tiny_bert):
    device = torch.device("cuda")
    gradients = []
    for steps in (1, 10**6):
        model = load_model(tiny_bert).to(device).train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        fit_attention(model.base, device)
        compile_layers(model.base, device, steps)
        for rows in (6, 9):
            ids, segments, mask = (torch.from_numpy(a).long().to(device) for a in batch(rows))
            start, end, relevance = model(ids, segments, mask)
            inside = mask > 0
            (start[inside].sum() + end[inside].square().sum() + relevance.sum()).backward()
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    plain, compiled = gradients
    assert plain.keys() == compiled.keys()
    # Of the whole: the gradient of a bias of keys is nothing but rounding.
    scale = max(float(gradient.abs().max()) for gradient in plain.values())
    for name, gradient in plain.items():
        torch.testing.assert_close(compiled[name], gradient, atol=1e-3 * scale, rtol=2e-2)
