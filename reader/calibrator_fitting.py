"""Fitting the ranking weights and the calibrator on development questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexing.documents import Passage
from reader.clues import find_clues
from reader.normalising import normalise_answer
from reader.ranking import RANKED_BY, Evidence, RankingWeights, gather_evidence, ranking_features
from reader.reordering import ReorderingWeights
from reader.spans import Span

Floats = NDArray[np.float64]
PLAIN = RankingWeights(relevance=0.0, rank=0.0)
"""A span's own log-probability alone."""
AS_BEFORE = ReorderingWeights(before=1.0, again=0.0)
RANKING_PENALTY = 10.0  # for leaving the prior; chosen with 30 to 300 questions
CONSIDERED = 3  # the best answers of a question that the calibrator learns from


@dataclass(frozen=True, slots=True)
class ReadQuestion:
    """A development question after reading: what calibration needs of it."""

    question: str
    passages: tuple[Passage, ...]
    """Those that were read, best first."""
    spans: tuple[Span, ...]
    right: frozenset[str]
    """The texts among the spans' that are right answers."""


def fit_ranking(questions: Sequence[ReadQuestion], prior: RankingWeights = PLAIN) -> RankingWeights:
    """Return the most likely weights.

    The likelihood is that of a right span among all spans of its question, right spans added up
    (marginal likelihood: Clark and Gardner 2018, section 3.3), with a weak prior at the weights
    that are given. Questions whose spans are all right or all wrong tell nothing.
    """
    data = [pair for question in questions if (pair := _candidates(question)) is not None]
    centre = np.array([getattr(prior, name) for name in RANKED_BY])
    fitted = (float(weight) for weight in most_likely(data, centre, RANKING_PENALTY))
    return RankingWeights(**dict(zip(RANKED_BY, fitted, strict=True)))


def _candidates(question: ReadQuestion) -> tuple[Floats, NDArray[np.bool_]] | None:
    clues = find_clues(question.question, question.passages)
    named = [(span, key) for span in question.spans if (key := normalise_answer(span.text))]
    right = np.array([span.text in question.right for span, _ in named], dtype=np.bool_)
    if right.all() or not right.any():
        return None
    return np.array([ranking_features(span, key, clues) for span, key in named]), right


def most_likely(
    data: Sequence[tuple[Floats, NDArray[np.bool_]]], prior: Floats, penalty: float = 1.0
) -> Floats:
    """Return the weights, (features,), under which right candidates are most likely.

    Newton's method with the curvature of the softmax alone, which is never negative; a step that
    does not help is halved.

    Args:
        data: for each question its candidates' features, (candidates, features), and which of
            them are right, (candidates,), neither all nor none.
        prior: the weights that the penalty draws to, (features,).
        penalty: of half the squared distance to them.
    """
    weights = prior.copy()
    value, gradient, curvature = _likelihood(data, weights, prior, penalty)
    for _ in range(100):
        step = np.linalg.solve(curvature, gradient)
        for halving in range(30):
            moved = weights + step / 2**halving
            found = _likelihood(data, moved, prior, penalty)
            if found[0] >= value:
                break
        else:
            break
        gained, weights = found[0] - value, moved
        value, gradient, curvature = found
        if gained < 1e-9:
            break
    return weights


def _likelihood(
    data: Sequence[tuple[Floats, NDArray[np.bool_]]],
    weights: Floats,
    prior: Floats,
    penalty: float,
) -> tuple[float, Floats, Floats]:
    """Return the penalised log-likelihood, its gradient, and the softmax's curvature."""
    away = weights - prior
    value, gradient = -0.5 * penalty * float(away @ away), -penalty * away
    curvature = penalty * np.eye(len(weights))
    for features, right in data:
        scores = features @ weights
        share = np.exp(scores - scores.max())
        share /= share.sum()
        of_right = np.maximum(share * right, 1e-300 * right)
        value += float(np.log(of_right.sum()))
        mean = share @ features
        gradient += (of_right / of_right.sum()) @ features - mean
        curvature += (features * share[:, None]).T @ features - np.outer(mean, mean)
    return value, gradient, curvature


def fit_reordering(
    questions: Sequence[ReadQuestion],
    evidence: Sequence[Sequence[Evidence]],
    again: Sequence[Sequence[float]],
    prior: ReorderingWeights = AS_BEFORE,
) -> ReorderingWeights:
    """Return the weights under which right answers among those read again are most likely.

    Args:
        questions: development questions.
        evidence: the answers of each, in the order before they were read again.
        again: what the rescorer says of the first of them.
        prior: the weights that a weak prior draws to.
    """
    data = []
    for question, own, scores in zip(questions, evidence, again, strict=True):
        first = own[: len(scores)]
        right = np.array([_is_right(question, one) for one in first], dtype=np.bool_)
        if right.any() and not right.all():
            pairs = [(one.score, score) for one, score in zip(first, scores, strict=True)]
            data.append((np.array(pairs), right))
    centre = np.array([prior.before, prior.again])
    before, after = most_likely(data, centre, RANKING_PENALTY)
    return ReorderingWeights(float(before), float(after))


def evidence_of(question: ReadQuestion, weights: RankingWeights) -> list[Evidence]:
    """Return a question's answers, best first, before any is read again."""
    return gather_evidence(question.question, question.passages, question.spans, weights)


def _is_right(question: ReadQuestion, evidence: Evidence) -> bool:
    return evidence.spans[0].text in question.right


def examples(
    questions: Sequence[ReadQuestion], evidence: Sequence[Sequence[Evidence]]
) -> tuple[Floats, Floats]:
    """Return what the calibrator learns from: the best answers of each question.

    Returns:
        Features (n, features), and labels (n,).
    """
    features, labels = [], []
    for question, own in zip(questions, evidence, strict=True):
        for one in own[:CONSIDERED]:
            features.append(one.features)
            labels.append(_is_right(question, one))
    return np.array(features), np.array(labels, dtype=np.float64)


def expected_calibration_error(
    probabilities: NDArray[np.float64], labels: NDArray[np.float64], bins: int = 15
) -> float:
    """Return the mean gap between probability and accuracy over bins of equal mass.

    Guo et al. 2017, section 2, with as many answers in each bin.
    """
    order = np.argsort(probabilities, kind="stable")
    gaps = [
        len(part) * abs(probabilities[part].mean() - labels[part].mean())
        for part in np.array_split(order, bins)
        if len(part)
    ]
    return float(sum(gaps) / len(labels))
