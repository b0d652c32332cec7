"""Answerability: probabilities by hand, and a fit that finds what tells passages apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from indexing.documents import Passage
from reader.answerability import Answerability, cross_validated, fit_answerability
from reader.spans import Span

PASSAGE = Passage(0, "0", "", "text", 0, 4)


def span(relevance: float, start: float, end: float) -> Span:
    """Return a span whose relevance is given as a probability."""
    return Span(PASSAGE, 0, 4, start, end, math.log(relevance))


@pytest.mark.parametrize("relevance", [1e-9, 0.2, 0.5, 0.9])
def test_the_default_is_the_relevance_head(relevance):
    assert Answerability().probability(span(relevance, -3, -3)) == pytest.approx(relevance)


def test_by_hand():
    found = Answerability(0.5, 2.0, 0.25).probability(span(0.8, -1.0, -2.0))
    logit = 0.5 + 2.0 * math.log(0.8 / 0.2) + 0.25 * -3.0
    assert found == pytest.approx(1 / (1 + math.exp(-logit)))


def test_a_sure_relevance_is_no_infinity():
    assert 0.99 < Answerability().probability(span(1.0, 0, 0)) <= 1


def test_the_fit_uses_what_the_relevance_does_not_tell():
    generator = np.random.default_rng(3)
    answered = generator.random(400) < 0.5
    spans = [
        span(generator.uniform(0.3, 0.7), -generator.exponential(0.5 if yes else 3.0), -0.1)
        for yes in answered
    ]
    fitted = fit_answerability(spans, answered.tolist())
    assert fitted.span > 0.3
    odds = cross_validated(spans, answered.tolist())
    assert ((odds > 0.5) == answered).mean() > 0.7
    assert odds[answered].mean() > odds[~answered].mean() + 0.2
