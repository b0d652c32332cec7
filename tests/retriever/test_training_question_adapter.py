"""Training of adapters: the loss against a loop, and whether a map is learnt."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from encoder.question_adapter import QuestionAdapter, no_adapter
from indexing.progress import SilentProgress
from retriever.training.candidates import Candidates, marginal_loss
from retriever.training.question_adapter import train_adapter
from retriever.training.settings import AdapterTraining


def test_the_loss_is_that_of_all_right_passages_together():
    generator = torch.Generator().manual_seed(2)
    scores = 3 * torch.randn(6, 9, generator=generator)
    there = torch.rand(6, 9, generator=generator) < 0.8
    right = (torch.rand(6, 9, generator=generator) < 0.3) & there
    right[:, 0] = there[:, 0] = True
    total = 0.0
    for row in range(6):
        every = sum(math.exp(scores[row, c]) for c in range(9) if there[row, c])
        good = sum(math.exp(scores[row, c]) for c in range(9) if right[row, c])
        total -= math.log(good / every)
    assert float(marginal_loss(scores, right, there)) == pytest.approx(total / 6, rel=1e-5)


def found(vectors, ids, right, lexical=None):
    lexical = np.zeros(ids.shape) if lexical is None else lexical
    texts = [f"question {number}" for number in range(len(vectors))]
    return Candidates(texts, vectors, ids, right, lexical.astype(np.float32))


def rows(candidates, chosen):
    return found(*(getattr(candidates, name)[chosen] for name in ("vectors", "ids", "right")))


@pytest.fixture
def mirrored():
    """Return questions whose right passage is their vector with its halves exchanged."""
    rng = np.random.default_rng(4)
    passages = rng.normal(size=(300, 8)).astype(np.float32)
    passages /= np.linalg.norm(passages, axis=1, keepdims=True)
    ids = np.array([rng.permutation(300)[:20] for _ in range(400)])
    right = np.zeros(ids.shape, dtype=np.bool_)
    right[np.arange(400), rng.integers(20, size=400)] = True
    vectors = np.roll(passages[ids[right]], 4, axis=1)
    return passages, found(vectors, ids, right)


def best(candidates, passages, adapter):
    scores = np.einsum("qd,qpd->qp", adapter.apply(candidates.vectors), passages[candidates.ids])
    return candidates.right[np.arange(len(scores)), scores.argmax(axis=1)].mean()


def test_a_map_of_questions_is_learnt(mirrored):
    passages, candidates = mirrored
    train, test = rows(candidates, np.arange(300)), rows(candidates, np.arange(300, 400))
    settings = AdapterTraining(epochs=30, batch=50, learning_rate=0.03)
    start = no_adapter(8)
    trained = [
        train_adapter(train, lambda ids: passages[ids], start, settings, SilentProgress())
        for _ in range(2)
    ]
    assert best(test, passages, start) < 0.2
    assert best(test, passages, trained[0]) > 0.9
    np.testing.assert_array_equal(trained[0].weight, trained[1].weight)
    assert not start.weight.any()


def test_of_what_is_learnt_a_share_is_taken(mirrored):
    passages, candidates = mirrored
    rng = np.random.default_rng(5)
    values = 0.1 * rng.normal(size=(9, 8)).astype(np.float32)
    start = QuestionAdapter(values[:8], values[8])
    whole, half = (
        train_adapter(
            candidates,
            lambda ids: passages[ids],
            start,
            AdapterTraining(epochs=2, batch=50, learning_rate=0.03, strength=strength),
            SilentProgress(),
        )
        for strength in (1.0, 0.5)
    )
    assert np.abs(whole.weight - start.weight).max() > 0.01
    np.testing.assert_allclose(half.weight, (start.weight + whole.weight) / 2, atol=1e-6)
    np.testing.assert_allclose(half.bias, (start.bias + whole.bias) / 2, atol=1e-6)


def test_places_without_a_passage_teach_nothing(mirrored):
    passages, candidates = mirrored
    settings = AdapterTraining(epochs=1, batch=50)
    ids = np.concatenate([candidates.ids, np.full((400, 3), -1)], axis=1)
    right = np.concatenate([candidates.right, np.zeros((400, 3), np.bool_)], axis=1)
    padded = found(candidates.vectors, ids, right)
    one, other = (
        train_adapter(c, lambda ids: passages[ids], no_adapter(8), settings, SilentProgress())
        for c in (candidates, padded)
    )
    np.testing.assert_allclose(one.weight, other.weight, atol=1e-6)


def test_questions_that_tell_nothing_are_left_out():
    ids = np.array([[1, 2], [1, 2], [1, 2], [1, -1]])
    right = np.array([[True, False], [True, True], [False, False], [True, False]])
    vectors = np.arange(4, dtype=np.float32)[:, None]
    lexical = np.array([[1, 0.5], [1, 0], [0, 0], [0, 0]])
    kept = found(vectors, ids, right, lexical).telling()
    assert kept.vectors.tolist() == [[0.0]]
    assert kept.texts == ["question 0"]
    assert kept.lexical.tolist() == [[1, 0.5]]


def test_what_bm25_knows_is_not_learnt(mirrored):
    """Half of the questions have a right passage drawn at random, which BM25 alone knows."""
    passages, candidates = mirrored
    rng = np.random.default_rng(6)
    right, lexical = candidates.right.copy(), np.zeros(candidates.ids.shape)
    right[:150] = False
    right[np.arange(150), rng.integers(20, size=150)] = True
    lexical[:150][right[:150]] = 1
    train, test = np.arange(300), rows(candidates, np.arange(300, 400))
    known, unknown = (
        train_adapter(
            found(candidates.vectors[train], candidates.ids[train], right[train], lexical[train]),
            lambda ids: passages[ids],
            no_adapter(8),
            AdapterTraining(epochs=15, batch=50, learning_rate=0.03, lexical=weight),
            SilentProgress(),
        )
        for weight in (20.0, 0.0)
    )
    assert best(test, passages, known) > best(test, passages, unknown) + 0.1
