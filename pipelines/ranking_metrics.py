"""Rankings against judgements, by trec_eval's definitions (Voorhees and Harman 2005).

Per question, over its ranked items and its right ones (grade above 0):

- success@k: whether one of the first k is right (what DPR calls top-k accuracy);
- recall@k: which share of the right ones is among the first k;
- MRR@k: 1 / rank of the first right one, 0 below rank k;
- nDCG@k: the sum of grade / log2(1 + rank), over that of the best order (Järvelin and Kekäläinen
  2002, with linear gain as in trec_eval and BEIR).

A question without any right item does not count; one without a ranking counts as 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InputError
from pipelines.qrels import Grades, any_right
from pipelines.statistics import Interval, bootstrap_intervals

NDCG_AT = 10


class RankingIntervals(TypedDict):
    """95 % intervals of the scores of the same names."""

    success: dict[str, Interval]
    recall: dict[str, Interval]
    mrr: Interval
    ndcg: dict[str, Interval]


class RankingScores(TypedDict):
    """Success and recall in per cent by depth, MRR and nDCG as fractions, over `n` questions."""

    success: dict[str, float]
    recall: dict[str, float]
    mrr: float
    ndcg: dict[str, float]
    n: int
    ci95: RankingIntervals


def first_right(ranking: Sequence[str], grades: Grades) -> int:
    """Return the 1-based rank of the first right item, 0 for none."""
    return next((r for r, item in enumerate(ranking, start=1) if grades.get(item, 0) > 0), 0)


def recall(ranking: Sequence[str], grades: Grades, k: int) -> float:
    """Return the share of the right items, at least one, that stand among the first `k`."""
    right = {item for item, grade in grades.items() if grade > 0}
    return len(right.intersection(ranking[:k])) / len(right)


def ndcg(ranking: Sequence[str], grades: Grades, k: int) -> float:
    """Return the normalised discounted cumulated gain of the first `k` items."""
    best = _gain(sorted((grade for grade in grades.values() if grade > 0), reverse=True)[:k])
    return _gain([max(0, grades.get(item, 0)) for item in ranking[:k]]) / best if best else 0.0


def _gain(grades: Sequence[int]) -> float:
    return sum(grade / math.log2(1 + rank) for rank, grade in enumerate(grades, start=1))


def ranking_scores(
    rankings: Mapping[str, Sequence[str]],
    grades: Mapping[str, Grades],
    depths: Sequence[int],
) -> RankingScores:
    """Score the rankings of all questions that have a right item.

    MRR counts down to the greatest depth.

    Raises:
        InputError: no question has a right item.
    """
    judged = [question for question, own in grades.items() if any_right(own)]
    if not judged:
        raise InputError("No question evaluated has a right item: do qrels and questions match?")
    pairs = [(rankings.get(question, ()), grades[question]) for question in judged]
    depths = sorted(set(depths))
    ranks: NDArray[np.int64] = np.array([first_right(*pair) for pair in pairs])
    counted = (ranks > 0) & (ranks <= depths[-1])
    columns: dict[str, NDArray[np.float64]] = {
        "mrr": np.where(counted, 1 / np.maximum(ranks, 1), 0.0),
        f"ndcg@{NDCG_AT}": np.array([ndcg(*pair, NDCG_AT) for pair in pairs]),
    }
    for k in depths:
        columns[f"success@{k}"] = np.where((ranks > 0) & (ranks <= k), 100.0, 0.0)
        columns[f"recall@{k}"] = np.array([recall(*pair, k) * 100 for pair in pairs])
    intervals = bootstrap_intervals(columns)
    means = {name: float(column.mean()) for name, column in columns.items()}
    return {
        "success": {str(k): means[f"success@{k}"] for k in depths},
        "recall": {str(k): means[f"recall@{k}"] for k in depths},
        "mrr": means["mrr"],
        "ndcg": {str(NDCG_AT): means[f"ndcg@{NDCG_AT}"]},
        "n": len(pairs),
        "ci95": {
            "success": {str(k): intervals[f"success@{k}"] for k in depths},
            "recall": {str(k): intervals[f"recall@{k}"] for k in depths},
            "mrr": intervals["mrr"],
            "ndcg": {str(NDCG_AT): intervals[f"ndcg@{NDCG_AT}"]},
        },
    }
