"""Questions about a graph, whose answers are sets of entities: hits@k and recall of passages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypedDict

import numpy as np

from indexing.errors import InputError
from indexing.progress import Progress, SilentProgress
from pipelines.answer_match import first_match, text_answers
from pipelines.answers import AskResult
from pipelines.graph_scoring import first_hit
from pipelines.questions import Question
from pipelines.run_files import make_report_folder, write_json, write_settings
from pipelines.scores import RankIntervals, rank_scores
from pipelines.statistics import Interval, bootstrap_intervals

HITS_AT = (1, 5)
_BATCH = 16


class GraphAsker(Protocol):
    """What is evaluated: `pipelines.ask.QuestionAnswering`, or anything that asks alike."""

    def ask_batch(
        self, questions: Sequence[str], *, answers: int, top_k: int, min_probability: float
    ) -> Sequence[AskResult]:
        """Answer questions, each from its `top_k` passages, with at most `answers` answers."""
        ...


class GraphIntervals(RankIntervals):
    """95 % intervals of the scores of the same names."""

    hits: dict[str, Interval]


class GraphResult(TypedDict):
    """Scores over `n` questions, in per cent but for MRR.

    `hits` says how often one of the first 1 or 5 answers is one of the right ones; `recall` how
    often one of the first passages holds one; `answered` how often there was any answer.
    """

    hits: dict[str, float]
    recall: dict[str, float]
    mrr: float
    answered: float
    n: int
    ci95: GraphIntervals
    questions_per_second: float


def evaluate_graph(
    questions: Sequence[Question],
    qa: GraphAsker,
    *,
    top_k: int = 20,
    limit: int | None = None,
    report: Path | None = None,
    progress: Progress | None = None,
) -> GraphResult:
    """Ask each question and compare its first answers, however improbable, with the right set.

    Args:
        questions: what to ask, with all right answers.
        qa: what answers.
        top_k: passages read for each question, and the greatest depth of recall.
        limit: how many of the first questions to take.
        report: a folder for `answers.json`, `settings.json` and `result.json`.
        progress: where to show progress.
    """
    asked = questions[:limit]
    if not asked:
        raise InputError("There is no question to evaluate; give a greater --limit.")
    if report is not None:
        make_report_folder(report, "graph")
    records: list[dict[str, Any]] = []
    seconds = 0.0
    with (progress or SilentProgress()).stage("asking", len(asked), "questions") as advance:
        for start in range(0, len(asked), _BATCH):
            batch = asked[start : start + _BATCH]
            before = time.perf_counter()
            texts = [question.text for question in batch]
            results = qa.ask_batch(texts, answers=max(HITS_AT), top_k=top_k, min_probability=0.0)
            seconds += time.perf_counter() - before
            records += map(_record, batch, results)
            advance(len(batch))
    result = _scores(records, top_k, len(asked) / seconds)
    if report is not None:
        write_settings(report, "graph", {"top_k": top_k})
        write_json(report / "answers.json", {record["id"]: record for record in records})
        write_json(report / "result.json", result)
    return result


def _record(question: Question, result: AskResult) -> dict[str, Any]:
    predictions = [answer.text for answer in result.answers]
    key = text_answers([answer.replace("_", " ") for answer in question.answers])
    return {
        "id": question.id,
        "question": question.text,
        "right": list(question.answers),
        "answers": predictions,
        "triples": [list(a.citations[0].triples) if a.citations else [] for a in result.answers],
        "hit": first_hit(predictions, question.answers),
        "rank": first_match(key, [hit.passage for hit in result.hits]),
    }


def _scores(records: Sequence[dict[str, Any]], top_k: int, speed: float) -> GraphResult:
    ranks = np.array([record["hit"] for record in records])
    columns = {str(k): ((ranks > 0) & (ranks <= k)) * 100.0 for k in HITS_AT}
    depths = sorted({k for k in (1, 5, 20, 100) if k < top_k} | {top_k})
    passages = rank_scores([record["rank"] for record in records], depths)
    return {
        "hits": {k: float(column.mean()) for k, column in columns.items()},
        "recall": passages["recall"],
        "mrr": passages["mrr"],
        "answered": 100.0 * float(np.mean([bool(record["answers"]) for record in records])),
        "n": len(records),
        "ci95": {"hits": bootstrap_intervals(columns), **passages["ci95"]},
        "questions_per_second": speed,
    }
