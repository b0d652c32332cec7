"""The losses against slow, obvious loops; gradients of chunks against those of the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from encoder.batching import length_batches
from encoder.sentence_settings import SentenceSettings
from retriever.training.batches import Batch
from retriever.training.loss import distil_loss, losses, ranking_loss
from retriever.training.model import load_model
from retriever.training.run import Trained, backward
from retriever.training.settings import EncoderTraining


def drawn(seed, questions=7, passages=12):
    generator = torch.Generator().manual_seed(seed)
    scores = 5 * torch.randn(questions, passages, generator=generator)
    target = torch.randint(passages, (questions,), generator=generator)
    allowed = torch.rand(questions, passages, generator=generator) < 0.6
    allowed[torch.arange(questions), target] = True
    return scores, target, allowed


@pytest.mark.parametrize("seed", range(5))
def test_ranking_loss_is_a_loop_over_what_is_allowed(seed):
    scores, target, allowed = drawn(seed)
    total = right = 0.0
    for row, column in enumerate(target.tolist()):
        others = [float(s) for s, a in zip(scores[row], allowed[row], strict=True) if a]
        total -= math.log(math.exp(scores[row, column]) / sum(map(math.exp, others)))
        right += float(scores[row, column]) == max(others)
    loss, accuracy = ranking_loss(scores, target, allowed)
    assert float(loss) == pytest.approx(total / 7, rel=1e-5)
    assert float(accuracy) == pytest.approx(right / 7)


@pytest.mark.parametrize("seed", range(5))
def test_distil_loss_is_a_loop_over_own_passages(seed):
    scores, _, own = drawn(seed)
    teacher = torch.randn(7, 12, generator=torch.Generator().manual_seed(seed))
    total = 0.0
    for row in range(7):
        columns = own[row].nonzero().flatten().tolist()
        p = np.exp(teacher[row, columns].numpy()) / np.exp(teacher[row, columns].numpy()).sum()
        q = np.exp(scores[row, columns].numpy()) / np.exp(scores[row, columns].numpy()).sum()
        total += float(sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)))
    scores.requires_grad_()
    loss = distil_loss(scores, teacher.masked_fill(~own, float("-inf")))
    assert float(loss.detach()) == pytest.approx(total / 7, rel=1e-4)
    loss.backward()
    assert scores.grad.isfinite().all()
    assert (scores.grad[~own] == 0).all()


def test_a_teacher_that_is_followed_costs_nothing():
    vectors = torch.nn.functional.normalize(torch.randn(3 + 6, 8), dim=1)
    scores = vectors[:3] @ vectors[3:].T / 0.05
    target, allowed = torch.arange(3), torch.ones(3, 6, dtype=torch.bool)
    found = losses(vectors, target, allowed, scores + 7, 0.05, 2.0)
    assert float(found.distil) == pytest.approx(0, abs=1e-5)
    assert float(found.total) == pytest.approx(float(found.ranking), abs=1e-4)


def batch():
    generator = np.random.default_rng(3)
    rows = [generator.integers(5, 40, size=n).astype(np.int32) for n in [4, 9, 6, 20, 31, 8, 17, 3]]
    teacher = np.full((3, 5), -np.inf, dtype=np.float32)
    teacher[:, :3] = generator.standard_normal((3, 3))
    allowed = np.ones((3, 5), dtype=np.bool_)
    allowed[0, 4] = allowed[2, 1] = False
    return Batch(rows, 3, np.array([0, 1, 2]), allowed, teacher)


def gradients(folder, sentence, tokens, dropout=0.0):
    model = load_model(folder, dropout)
    settings = EncoderTraining("", (), chunk_tokens=tokens, distil=0.7, temperature=2.0)
    found = backward(Trained(model, sentence, 0, settings), batch(), step=4)
    return float(found.total.detach()), {name: p.grad for name, p in model.named_parameters()}


@pytest.mark.parametrize(
    "sentence", [SentenceSettings(), SentenceSettings(pooling="cls", normalize=False)]
)
def test_cached_gradients_are_those_of_the_whole_batch(tiny_bert, monkeypatch, sentence):
    from encoder.training import attention

    monkeypatch.setattr(attention, "uses_bf16", lambda device: False)
    whole, expected = gradients(tiny_bert, sentence, 10**6)
    assert len(list(length_batches([len(row) for row in batch().rows], 40))) > 3
    loss, found = gradients(tiny_bert, sentence, 40)
    assert loss == pytest.approx(whole, rel=1e-5)
    scale = max(float(g.abs().max()) for g in expected.values())
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5 * scale, msg=name)


def test_the_second_pass_drops_what_the_first_one_dropped(tiny_bert, monkeypatch):
    from encoder.training import attention
    from retriever.training import run

    monkeypatch.setattr(attention, "uses_bf16", lambda device: False)
    seen = []
    real = run.embed

    def watched(*args):
        seen.append(real(*args))
        return seen[-1]

    monkeypatch.setattr(run, "embed", watched)
    gradients(tiny_bert, SentenceSettings(), 40, dropout=0.3)
    half = len(seen) // 2
    for first, second in zip(seen[:half], seen[half:], strict=True):
        torch.testing.assert_close(first, second.detach(), rtol=0, atol=0)
