"""What the evaluations share: ranks to recall and MRR, intervals, latency of single questions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipelines.statistics import Interval, Latency, bootstrap_intervals, latency_percentiles

T = TypeVar("T")
RECALL_AT = (1, 5, 20, 100)
_WARM_UP = 3


class RankIntervals(TypedDict):
    """95 % intervals of the scores of the same names."""

    recall: dict[str, Interval]
    mrr: Interval


class RankScores(TypedDict):
    """Recall by depth in per cent, MRR as a fraction, and their intervals."""

    recall: dict[str, float]
    mrr: float
    ci95: RankIntervals


class AnswerIntervals(TypedDict):
    """95 % intervals of the scores of the same names; `f1` is None where F1 is."""

    exact_match: Interval
    f1: Interval | None


class AnswerScores(TypedDict):
    """Exact match and F1 in per cent over `n` questions.

    `f1` is None for answers given as regular expressions, for which it is not defined.
    """

    exact_match: float
    f1: float | None
    n: int
    ci95: AnswerIntervals


def answer_scores(exact: Sequence[float], f1: Sequence[float] | None) -> AnswerScores:
    """Summarise a score from 0 to 1 per question."""
    columns = {"exact_match": np.asarray(exact) * 100}
    if f1 is not None:
        columns["f1"] = np.asarray(f1) * 100
    ci95 = bootstrap_intervals(columns)
    return {
        "exact_match": float(columns["exact_match"].mean()),
        "f1": None if f1 is None else float(columns["f1"].mean()),
        "n": len(exact),
        "ci95": {"exact_match": ci95["exact_match"], "f1": ci95.get("f1")},
    }


def rank_scores(ranks: Sequence[int], depths: Sequence[int]) -> RankScores:
    """Summarise the 1-based rank of each question's first right passage; 0 means none.

    MRR counts ranks down to the greatest depth.
    """
    found: NDArray[np.int64] = np.asarray(ranks, dtype=np.int64)
    columns = {
        str(depth): ((found > 0) & (found <= depth)) * 100.0 for depth in sorted(set(depths))
    }
    counted = (found > 0) & (found <= max(depths))
    reciprocal = np.where(counted, 1.0 / np.maximum(found, 1), 0.0)
    intervals = bootstrap_intervals({**columns, "mrr": reciprocal})
    mrr_interval = intervals.pop("mrr")
    return {
        "recall": {depth: float(column.mean()) for depth, column in columns.items()},
        "mrr": float(reciprocal.mean()),
        "ci95": {"recall": intervals, "mrr": mrr_interval},
    }


def single_latency(
    answer: Callable[[str], T], questions: Sequence[str], n: int
) -> tuple[Latency, list[T]]:
    """Time questions one by one, at most `n`, evenly spaced, after a few to warm up.

    Returns the times, and what `answer` returned for each question timed.
    """
    chosen = np.unique(np.linspace(0, len(questions) - 1, min(n, len(questions))).astype(int))
    for question in questions[:_WARM_UP]:
        answer(question)
    seconds, results = [], []
    for index in chosen:
        start = time.perf_counter()
        results.append(answer(questions[index]))
        seconds.append(time.perf_counter() - start)
    return latency_percentiles(seconds), results
