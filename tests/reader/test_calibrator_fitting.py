from __future__ import annotations

import numpy as np
import pytest

from indexing.documents import Passage
from reader.calibrator_fitting import (
    ReadQuestion,
    evidence_of,
    examples,
    expected_calibration_error,
    fit_ranking,
    fit_reordering,
    most_likely,
)
from reader.logistic import fit_logistic
from reader.ranking import RankingWeights
from reader.spans import Span


def test_logistic_regression_finds_the_weights_of_its_data():
    generator = np.random.default_rng(4)
    features = np.column_stack([np.ones(40_000), generator.normal(size=(40_000, 2))])
    true = np.array([-1.0, 2.0, -0.5])
    labels = (generator.random(40_000) < 1 / (1 + np.exp(-features @ true))).astype(float)
    fitted = fit_logistic(features, labels)
    np.testing.assert_allclose(fitted, true, atol=0.06)
    odds = 1 / (1 + np.exp(-features @ fitted))
    assert odds.mean() == pytest.approx(labels.mean(), abs=1e-4)
    assert expected_calibration_error(odds, labels) < 0.01


def test_logistic_regression_stays_finite_on_separable_data():
    features = np.array([[1.0, -1.0], [1.0, 1.0]])
    assert np.isfinite(fit_logistic(features, np.array([0.0, 1.0]))).all()


@pytest.mark.parametrize("far", [0.0, 3.0, 40.0])
def test_logistic_regression_goes_on_from_its_prior(far):
    from scipy.optimize import minimize

    generator = np.random.default_rng(6)
    features = np.column_stack([np.ones(60), generator.normal(size=(60, 2)) * 4])
    labels = (generator.random(60) < 0.4).astype(float)
    prior = np.array([0.5, 1.0, -1.0]) * far

    def loss(weights):
        away = (weights - prior)[1:]
        logits = features @ weights
        return np.logaddexp(0, logits).sum() - labels @ logits + 2.5 * away @ away

    found = fit_logistic(features, labels, prior, 5.0)
    np.testing.assert_allclose(found, minimize(loss, prior, tol=1e-10).x, atol=1e-3)
    none = fit_logistic(features[:0], labels[:0], prior, 5.0)
    np.testing.assert_allclose(none, prior, atol=1e-9)


def test_calibration_error_by_hand():
    odds = np.array([0.1, 0.2, 0.8, 0.9])
    labels = np.array([0.0, 1.0, 1.0, 1.0])
    # Two bins: |0.15 - 0.5| and |0.85 - 1|.
    assert expected_calibration_error(odds, labels, bins=2) == pytest.approx(0.25)


def question(right_rank):
    texts = ["wrong answer", "right answer"]
    spans = [
        Span(Passage(i, "d", "", text, 0, 12), 0, 12, -0.5 - 0.01 * i, -0.5, -0.5)
        for i, text in enumerate(texts)
    ]
    passages = [spans[0].passage, spans[1].passage]
    own = tuple(passages if right_rank == 2 else passages[::-1])
    return ReadQuestion("Which?", own, tuple(spans), frozenset({"right answer"}))


def right_first(asked, weights):
    """Return the share of questions whose first answer is right."""
    return np.mean([evidence_of(one, weights)[0].spans[0].text in one.right for one in asked])


def test_ranking_weights_are_those_that_put_right_answers_first():
    asked = [question(1)] * 3 + [question(2)]
    weights = fit_ranking(asked)
    assert weights.rank > 0
    assert right_first(asked, weights) == 0.75
    found = [evidence_of(question(1), RankingWeights(1.0, 0.3))]
    features, labels = examples([question(1)], found)
    assert features.shape == (2, 8)
    assert labels.tolist() == [1, 0]


def test_few_questions_move_the_ranking_little_and_many_far():
    prior = RankingWeights(1.0, 0.5, 0.8, 0.2, 0.1, 0.3, 0.4)
    few = fit_ranking([question(2)] * 2, prior)
    many = fit_ranking([question(2)] * 2000, prior)
    assert prior.rank > few.rank > prior.rank - 0.2
    assert many.rank < few.rank - 1


def test_what_is_read_again_counts_as_much_as_it_is_right():
    asked = [question(1), question(2)] * 100
    found = [evidence_of(one, RankingWeights(1.0, 0.3)) for one in asked]
    right = [[float("right" in e.spans[0].text) for e in own] for own in found]
    telling = fit_reordering(asked, found, right)
    assert telling.again > 1
    wrong = fit_reordering(asked, found, [[1 - score for score in own] for own in right])
    assert wrong.again < -1
    silent = fit_reordering(asked, found, [[0.5] * len(own) for own in found])
    assert silent.again == pytest.approx(0, abs=1e-9)
    assert silent.before > 0


def drawn(generator, true, questions, right_ones):
    """Candidates of which so many are right, drawn by a softmax with the true weights."""
    data = []
    for _ in range(questions):
        features = generator.normal(size=(12, len(true)))
        share = np.exp(features @ true)
        right = np.zeros(12, dtype=bool)
        right[generator.choice(12, right_ones, replace=False, p=share / share.sum())] = True
        data.append((features, right))
    return data


def test_the_most_likely_weights_are_those_of_a_general_optimizer():
    from scipy.optimize import minimize

    prior = np.array([1.0, 0.0, 0.0])
    data = drawn(np.random.default_rng(2), np.array([1.5, -1.0, 0.0]), 60, 2)

    def loss(weights):
        total = 0.5 * float(((weights - prior) ** 2).sum())
        for features, right in data:
            scores = np.exp(features @ weights)
            total -= np.log(scores[right].sum() / scores.sum())
        return total

    found = most_likely(data, prior)
    np.testing.assert_allclose(found, minimize(loss, prior, tol=1e-10).x, atol=1e-4)


def test_the_most_likely_weights_are_near_the_true_ones():
    true = np.array([1.5, -1.0, 0.0])
    data = drawn(np.random.default_rng(3), true, 3000, 1)
    np.testing.assert_allclose(most_likely(data, np.array([1.0, 0.0, 0.0])), true, atol=0.1)


def test_no_question_that_tells_anything_leaves_the_prior():
    prior = np.array([1.0, 0.0])
    np.testing.assert_array_equal(most_likely([], prior), prior)


def test_shorter_answers_are_learned_where_they_are_right():
    texts = ["right", "a much longer and wrong answer"]
    passages = [Passage(i, "d", "", text, 0, len(text)) for i, text in enumerate(texts)]
    spans = tuple(Span(p, 0, len(p.text), -1.0 + 0.1 * p.id, 0.0, 0.0) for p in passages)
    asked = ReadQuestion("Which?", tuple(passages), spans, frozenset({"right"}))
    weights = fit_ranking([asked] * 8)
    assert weights.length > 0
    assert right_first([asked], weights) == 1.0
