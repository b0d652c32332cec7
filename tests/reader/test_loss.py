"""Losses against slow, obvious versions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from reader.loss import relevance_loss, shared_log_softmax, span_loss


def test_one_softmax_over_all_passages_of_a_question():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(5, 7, generator=generator) * 20
    allowed = torch.rand(5, 7, generator=generator) < 0.6
    groups = torch.tensor([0, 0, 1, 2, 2])
    result = shared_log_softmax(logits, allowed, groups, 3).exp()
    for question in range(3):
        rows = groups == question
        kept = logits[rows][allowed[rows]]
        expected = torch.softmax(kept.double(), 0).float()
        torch.testing.assert_close(result[rows][allowed[rows]], expected)
    assert not result[~allowed].any()


def test_marginal_likelihood_adds_up_the_gold_spans():
    start = torch.log_softmax(torch.arange(12.0), 0).view(2, 6)
    end = torch.log_softmax(-torch.arange(12.0), 0).view(2, 6)
    spans = torch.tensor([[0, 1, 2], [1, 3, 3]])
    groups = torch.tensor([0, 0])
    expected = -math.log(math.exp(start[0, 1] + end[0, 2]) + math.exp(start[1, 3] + end[1, 3]))
    assert float(span_loss(start, end, spans, groups, 2)) == pytest.approx(expected, rel=1e-5)
    none = torch.zeros((0, 3), dtype=torch.long)
    assert float(span_loss(start, end, none, groups, 2)) == 0.0


def test_gradients_are_finite_when_a_question_has_no_allowed_token():
    logits = torch.randn(2, 4, requires_grad=True)
    allowed = torch.tensor([[True, True, False, False], [False] * 4])
    start = shared_log_softmax(logits, allowed, torch.tensor([0, 1]), 2)
    span_loss(start, start, torch.tensor([[0, 0, 1]]), torch.tensor([0, 1]), 2).backward()
    assert torch.isfinite(logits.grad).all()


def test_relevance_is_binary_cross_entropy():
    logits, labels = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    by_hand = np.mean([math.log1p(math.exp(-2.0)), math.log1p(math.exp(-1.0))])
    assert float(relevance_loss(logits, labels)) == pytest.approx(by_hand, rel=1e-6)
