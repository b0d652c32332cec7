"""The scores of open questions, from their records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import numpy as np

from pipelines.categories import by_category
from pipelines.error_analysis import FaultScores, fault_scores
from pipelines.scores import (
    AnswerIntervals,
    AnswerScores,
    RankIntervals,
    RankScores,
    answer_scores,
    rank_scores,
)
from pipelines.selective import SelectiveScores, selective_scores
from pipelines.statistics import Interval, bootstrap_intervals

TOP_ANSWERS = (1, 3, 5)
Record = Mapping[str, Any]


class OpenIntervals(AnswerIntervals, RankIntervals):
    """95 % intervals of the scores of the same names."""

    top_exact_match: dict[str, Interval]


class GoldScores(RankScores):
    """Recall and MRR of the right documents or passages, over the `n` questions that have any."""

    unit: str
    n: int


class NoAnswerScores(TypedDict):
    """The `n` questions that nothing answers.

    `mean_probability` (0 to 1) is that of their first answers, `abstained` the per cent of them
    whose first answer is less probable than the threshold, where there is one.
    """

    n: int
    mean_probability: float
    abstained: NotRequired[float]
    ci95: dict[str, Interval]


class OpenScores(TypedDict):
    """Scores of answers and passages over the `n` questions that have an answer.

    `top_exact_match` is the per cent of questions with a right answer among the first 1, 3, 5.
    `answerable` are the questions with an answer in one of the passages read; it is missing where
    there are none. `by_depth` are the scores of the top answer from so many passages. `selective`
    counts the questions that nothing answers, too; `no_answer` is about them alone, where any are.
    """

    exact_match: float
    f1: float | None
    top_exact_match: dict[str, float]
    recall: dict[str, float]
    mrr: float
    n: int
    ci95: OpenIntervals
    answerable: NotRequired[AnswerScores]
    gold: NotRequired[GoldScores]
    by_depth: NotRequired[dict[str, AnswerScores]]
    selective: SelectiveScores
    no_answer: NotRequired[NoAnswerScores]
    errors: FaultScores
    categories: dict[str, dict[str, AnswerScores]]


def open_scores(
    records: Sequence[Record],
    *,
    top_k: int,
    depths: Sequence[int],
    threshold: float | None = None,
    gold_unit: str = "documents",
) -> OpenScores:
    """Score the records that `pipelines.open_records` makes, one with an answer or more."""
    selective = selective_scores(
        [record["probability"] or 0.0 for record in records],
        [record["exact_match"] for record in records],
        threshold,
    )
    judged = [record["gold_rank"] for record in records if "gold_rank" in record]
    nothing = [record for record in records if not record["answers"]]
    records = [record for record in records if record["answers"]]
    everything = _answers(records)
    ranks = rank_scores([record["rank"] for record in records], depths)
    tops, top_intervals = _top_answers(records)
    scores: OpenScores = {
        "exact_match": everything["exact_match"],
        "f1": everything["f1"],
        "top_exact_match": tops,
        "recall": ranks["recall"],
        "mrr": ranks["mrr"],
        "n": everything["n"],
        "ci95": {**everything["ci95"], **ranks["ci95"], "top_exact_match": top_intervals},
        "selective": selective,
        "errors": fault_scores([record["fault"] for record in records]),
        "categories": by_category(records),
    }
    if answerable := [record for record in records if 0 < record["rank"] <= top_k]:
        scores["answerable"] = _answers(answerable)
    if judged:
        scores["gold"] = {**rank_scores(judged, depths), "unit": gold_unit, "n": len(judged)}
    if nothing:
        scores["no_answer"] = _no_answer(nothing, threshold)
    if swept := records[0].get("depths"):
        scores["by_depth"] = {
            depth: _answers([record["depths"][depth] for record in records]) for depth in swept
        }
    return scores


def _answers(records: Sequence[Record]) -> AnswerScores:
    f1 = [record["f1"] for record in records]
    return answer_scores([record["exact_match"] for record in records], None if None in f1 else f1)


def _no_answer(records: Sequence[Record], threshold: float | None) -> NoAnswerScores:
    probabilities = np.array([record["probability"] or 0.0 for record in records])
    columns = {"mean_probability": probabilities}
    if threshold is not None:
        columns["abstained"] = (probabilities < threshold) * 100.0
    scores: NoAnswerScores = {
        "n": len(records),
        "mean_probability": float(probabilities.mean()),
        "ci95": bootstrap_intervals(columns),
    }
    if threshold is not None:
        scores["abstained"] = float(columns["abstained"].mean())
    return scores


def _top_answers(records: Sequence[Record]) -> tuple[dict[str, float], dict[str, Interval]]:
    columns = {
        str(n): np.array([any(c["exact_match"] for c in r["candidates"][:n]) for r in records])
        * 100.0
        for n in TOP_ANSWERS
    }
    means = {name: float(column.mean()) for name, column in columns.items()}
    return means, bootstrap_intervals(columns)
