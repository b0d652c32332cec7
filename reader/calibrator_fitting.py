"""Fitting the ranking weights and the calibrator on development questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reader.calibration import Evidence, RankingWeights, gather_evidence
from reader.spans import Span

RELEVANCE_GRID = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
RANK_GRID = (0.0, 0.1, 0.2, 0.3, 0.5, 0.8)
CONSIDERED = 3  # the best answers of a question that the calibrator learns from


@dataclass(frozen=True, slots=True)
class ReadQuestion:
    """A development question after reading: what calibration needs of it."""

    spans: tuple[Span, ...]
    retrieval_scores: Mapping[int, float]
    right: frozenset[str]
    """The texts among the spans' that are right answers."""


def fit_ranking(questions: Sequence[ReadQuestion]) -> tuple[RankingWeights, float]:
    """Return the weights with the most right top answers on a grid, and their share, 0 to 1.

    Of equal weights the first in the grid, with the smaller weights, stays.
    """
    best, highest = RankingWeights(), -1.0
    for relevance in RELEVANCE_GRID:
        for rank in RANK_GRID:
            weights = RankingWeights(relevance, rank)
            share = float(np.mean([_top_is_right(q, weights) for q in questions]))
            if share > highest:
                best, highest = weights, share
    return best, highest


def _top_is_right(question: ReadQuestion, weights: RankingWeights) -> bool:
    found = gather_evidence(question.spans, question.retrieval_scores, weights)
    return bool(found) and _is_right(question, found[0])


def _is_right(question: ReadQuestion, evidence: Evidence) -> bool:
    return evidence.spans[0].text in question.right


def examples(
    questions: Sequence[ReadQuestion], weights: RankingWeights
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return features (n, features), labels (n,) and whether each is its question's top answer."""
    features, labels, tops = [], [], []
    for question in questions:
        found = gather_evidence(question.spans, question.retrieval_scores, weights)
        for place, evidence in enumerate(found[:CONSIDERED]):
            features.append(evidence.features)
            labels.append(_is_right(question, evidence))
            tops.append(place == 0)
    return np.array(features), np.array(labels, dtype=np.float64), np.array(tops, dtype=np.bool_)


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
