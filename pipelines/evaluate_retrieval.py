"""Retrieval: how often, and how far up, what answers a question is found."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired

from indexing.errors import InputError
from indexing.progress import Progress, SilentProgress
from pipelines.answer_match import first_match
from pipelines.categories import categorise
from pipelines.open_records import UNANSWERABLE, answer_key, shown_passages
from pipelines.qrels import Gold, gold_of, hit_rows
from pipelines.questions import Question
from pipelines.ranking_metrics import RankingScores, first_right, ranking_scores
from pipelines.report import write_retrieval_report
from pipelines.run_files import (
    make_report_folder,
    write_json,
    write_records,
    write_settings,
    write_trec_run,
)
from pipelines.scores import RECALL_AT, RankScores, rank_scores, single_latency
from pipelines.statistics import Latency
from retriever.hits import Hit, Retriever

_BATCH = 128
Record = Mapping[str, Any]


class GoldRankingScores(RankingScores):
    """Scores of the right documents or passages."""

    unit: str


class RetrievalResult(RankScores):
    """Recall and MRR over `n` questions with answers; the speed of batches, and single latencies.

    `gold` are the scores by right documents or passages, over the questions that have any, with
    answers or without.
    """

    n: int
    gold: NotRequired[GoldRankingScores]
    questions_per_second: float
    latency_ms: Latency


def evaluate_retrieval(
    questions: Sequence[Question],
    retriever: Retriever,
    *,
    k: Sequence[int] = RECALL_AT,
    limit: int | None = None,
    patterns: bool = False,
    gold: Gold | None = None,
    latency_sample: int = 200,
    report: Path | None = None,
    tag: str = "spanqa",
    notes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> RetrievalResult:
    """Retrieve for each question and look for its answers in the passages' texts.

    Questions without answers are left out, unless a document or a passage is right for them: then
    they count for the scores by judgements.

    Args:
        questions: what to ask, with the right answers.
        retriever: what finds passages; its time alone is measured.
        k: depths of recall. MRR counts down to the greatest.
        limit: how many of the first questions to take.
        patterns: whether the answers are regular expressions.
        gold: right documents or passages; None takes what the questions name.
        latency_sample: how many questions, evenly spaced, are timed one by one.
        report: a folder for `run.trec`, `predictions.jsonl`, `result.json` and `report.html`.
        tag: the name of the run in `run.trec`.
        notes: what else to tell in the report, such as the index.
        progress: where to show progress.
    """
    judged = gold or gold_of(questions)
    asked = [q for q in questions if q.answers or (judged and judged.judges(q.id))][:limit]
    if not any(question.answers for question in asked):
        raise InputError("There is no question with an answer to evaluate; give a greater --limit.")
    if report is not None:
        make_report_folder(report, "retrieval")
    gold = gold or gold_of(asked)
    depth = max(k)
    records: list[Record] = []
    rankings: dict[str, list[str]] = {}
    seconds = 0.0
    with (progress or SilentProgress()).stage("retrieving", len(asked), "questions") as advance:
        for start in range(0, len(asked), _BATCH):
            batch = asked[start : start + _BATCH]
            before = time.perf_counter()
            found = retriever.retrieve([question.text for question in batch], depth)
            seconds += time.perf_counter() - before
            for question, hits in zip(batch, found, strict=True):
                records.append(_record(question, hits, patterns, gold))
                if gold is not None:
                    rankings[question.id] = gold.ranked(hits)
            advance(len(batch))
    latency, _ = single_latency(
        lambda text: retriever.retrieve([text], depth),
        [question.text for question in asked],
        latency_sample,
    )
    answered = [record["rank"] for record in records if record["answers"]]
    ranks = rank_scores(answered, k)
    result: RetrievalResult = {
        "recall": ranks["recall"],
        "mrr": ranks["mrr"],
        "ci95": ranks["ci95"],
        "n": len(answered),
        "questions_per_second": len(asked) / seconds,
        "latency_ms": latency,
    }
    if gold is not None:
        own = {q.id: gold.grades[q.id] for q in asked if q.id in gold.grades}
        result["gold"] = {**ranking_scores(rankings, own, k), "unit": gold.unit}
    if report is not None:
        write_trec_run(
            report / "run.trec",
            ((r["id"], r["hits"]) for r in records),
            tag,
            gold.unit if gold else "passages",
        )
        write_records(report / "predictions.jsonl", records)
        made_with = {"k": sorted(k), "patterns": patterns, "notes": notes}
        write_settings(report, "retrieval", made_with)
        write_json(report / "result.json", result)
        write_retrieval_report(report, result, records, notes or {}, patterns=patterns)
    return result


def _record(
    question: Question, hits: Sequence[Hit], patterns: bool, gold: Gold | None
) -> dict[str, Any]:
    """Return the details of one question."""
    rank = first_match(answer_key(question, patterns), [hit.passage for hit in hits])
    record = {
        "id": question.id,
        "question": question.text,
        "answers": list(question.answers),
        "rank": rank,
        "fault": None if question.answers else UNANSWERABLE,
        "category": categorise(
            question.text,
            () if patterns else question.answers,
            hits[max(rank, 1) - 1].passage.text if hits else None,
        ),
        "hits": hit_rows(hits),
        "passages": shown_passages(hits, rank),
    }
    if gold is not None and gold.judges(question.id):
        record["gold_rank"] = first_right(gold.ranked(hits), gold.grades[question.id])
    return record
