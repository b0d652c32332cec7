"""Retrieval: how often, and how far up, a passage that holds an answer is found."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from indexing.errors import InputError
from indexing.progress import Progress, SilentProgress
from pipelines.answer_match import first_match, pattern_answers, text_answers
from pipelines.questions import Question
from pipelines.run_files import make_report_folder, write_json, write_trec_run
from pipelines.scores import RECALL_AT, RankScores, rank_scores, single_latency
from pipelines.statistics import Latency
from retriever.hits import Retriever

_BATCH = 128


class RetrievalResult(RankScores):
    """Recall and MRR over `n` questions; the speed of batches, the latency of single ones."""

    n: int
    questions_per_second: float
    latency_ms: Latency


def evaluate_retrieval(
    questions: Sequence[Question],
    retriever: Retriever,
    *,
    k: Sequence[int] = RECALL_AT,
    limit: int | None = None,
    patterns: bool = False,
    latency_sample: int = 200,
    report: Path | None = None,
    tag: str = "spanqa",
    progress: Progress | None = None,
) -> RetrievalResult:
    """Retrieve for each question and look for its answers in the passages' texts.

    Args:
        questions: what to ask, with the right answers.
        retriever: what finds passages; its time alone is measured.
        k: depths of recall. MRR counts down to the greatest.
        limit: how many of the first questions to take.
        patterns: whether the answers are regular expressions.
        latency_sample: how many questions, evenly spaced, are timed one by one.
        report: a folder for `run.trec` and `result.json`.
        tag: the name of the run in `run.trec`.
        progress: where to show progress.
    """
    asked = questions[:limit]
    if not asked:
        raise InputError("There is no question to evaluate; give a greater --limit.")
    prepare = pattern_answers if patterns else text_answers
    keys = [prepare(question.answers) for question in asked]
    if report is not None:
        make_report_folder(report)
    depth = max(k)
    ranks: list[int] = []
    rankings: list[tuple[str, list[tuple[int, float]]]] = []
    seconds = 0.0
    with (progress or SilentProgress()).stage("retrieving", len(asked), "questions") as advance:
        for start in range(0, len(asked), _BATCH):
            batch = asked[start : start + _BATCH]
            before = time.perf_counter()
            found = retriever.retrieve([question.text for question in batch], depth)
            seconds += time.perf_counter() - before
            for question, key, hits in zip(batch, keys[start:], found, strict=False):
                ranks.append(first_match(key, [hit.passage for hit in hits]))
                if report is not None:
                    rankings.append((question.id, [(hit.passage.id, hit.score) for hit in hits]))
            advance(len(batch))
    result: RetrievalResult = {
        **rank_scores(ranks, k),
        "n": len(asked),
        "questions_per_second": len(asked) / seconds,
        "latency_ms": single_latency(
            lambda text: retriever.retrieve([text], depth),
            [question.text for question in asked],
            latency_sample,
        ),
    }
    if report is not None:
        write_trec_run(report / "run.trec", rankings, tag)
        write_json(report / "result.json", result)
    return result
