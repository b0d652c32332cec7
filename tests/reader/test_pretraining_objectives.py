"""The heads against the papers' formulas written out with plain arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from reader.pretraining.objectives import (
    POSITION_WIDTH,
    boundary_head,
    selection_head,
    selection_loss,
)


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def layer_norm(x, epsilon):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon)


def test_boundary_head_is_the_paper_s_formula():
    """Section 3.2: h0 = [x_{s-1}; x_{e+1}; p]; h1 = LN(GeLU(W1 h0)); y = LN(GeLU(W2 h1))."""
    torch.manual_seed(1)
    head = boundary_head(6, 5, 1e-12)
    weights = {name: value.detach().numpy() for name, value in head.state_dict().items()}
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(2, 4, 6)).astype(np.float32)
    offsets = np.asarray([0, 1, 4, 2])
    h0 = np.concatenate([left, right, weights["positions.weight"][offsets]], 1)
    assert h0.shape[1] == 2 * 6 + POSITION_WIDTH == 212
    h1 = layer_norm(gelu(h0 @ weights["first.weight"].T + weights["first.bias"]), 1e-12)
    expected = layer_norm(gelu(h1 @ weights["second.weight"].T + weights["second.bias"]), 1e-12)
    with torch.no_grad():
        found = head(torch.from_numpy(left), torch.from_numpy(right), torch.from_numpy(offsets))
    np.testing.assert_allclose(found.numpy(), expected, rtol=2e-3, atol=2e-4)


def test_selection_scores_and_loss_are_the_paper_s():
    """Section 4: P(start = i | q) = softmax_i(x_i S x_q), the same for ends; losses are summed."""
    torch.manual_seed(2)
    head = selection_head(4)
    states = torch.randn(2, 5, 4)
    questions = torch.tensor([[0, 1, 3, 4], [1, 2, 0, 0]])  # row, position, first, last
    allowed = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    start, end = head(states, questions[:, 0], questions[:, 1])
    found = selection_loss(start, end, questions, allowed[questions[:, 0]])
    total = 0.0
    for row, position, first, last in questions.tolist():
        length = int(allowed[row].sum())
        for layer, answer in ((head.start, first), (head.end, last)):
            matrix = layer.weight.detach().numpy()
            x = states[row].numpy()
            scores = [x[i] @ (matrix @ x[position]) for i in range(length)]
            total -= scores[answer] - math.log(sum(math.exp(s) for s in scores))
    assert found.item() == pytest.approx(total, rel=1e-5)
