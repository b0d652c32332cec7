"""Scores of what systems answered: one implementation for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.answer_match import text_answers
from pipelines.metrics import exact_match, squad_scores
from pipelines.questions import Question
from pipelines.statistics import bootstrap_intervals, latency_percentiles, paired_bootstrap

QUALITY = ("recall", "exact_match", "f1")


@dataclass(frozen=True, slots=True)
class Quality:
    """One value from 0 to 1 for each question."""

    recall: list[float]
    exact_match: list[float]
    f1: list[float]


def open_quality(
    questions: Sequence[Question],
    asked: Sequence[Mapping[str, Any]],
    passages: Mapping[str, Mapping[str, str]],
    top_k: int,
) -> Quality:
    """Score top answers, and whether one of the `top_k` passages holds an answer."""
    recall, em, f1 = [], [], []
    for question, own in zip(questions, asked, strict=True):
        key = text_answers(question.answers)
        texts = (passages[id_]["text"] for id_ in own["passages"][:top_k])
        recall.append(float(any(key.found_in(text) for text in texts)))
        scores = squad_scores(own["answer"], question.answers)
        em.append(scores.exact_match)
        f1.append(scores.f1)
    return Quality(recall, em, f1)


def open_row(
    raw: Mapping[str, Any], quality: Quality, ours: Quality | None = None
) -> dict[str, Any]:
    """Return a system's row: speeds and sizes, and scores in per cent with 95 % intervals.

    With our own scores there is also `against`: by how many points the system is better than
    SpanQA on the same questions, with the interval of the paired bootstrap.
    """
    build, ask = raw["build"], raw["ask"]
    n = len(ask["seconds"])
    columns = {name: getattr(quality, name) for name in QUALITY}
    intervals = bootstrap_intervals(columns)
    latency = latency_percentiles(ask["seconds"])
    row: dict[str, Any] = {
        "build_seconds": build["process_seconds"],
        "build_memory": build["peak_memory"],
        "disk": raw["disk"],
        "cold_ms": 1000 * float(np.median([one["process_seconds"] for one in raw["cold"]])),
        "p50_ms": latency["p50"],
        "p95_ms": latency["p95"],
        "questions_per_second": n / ask["batch_seconds"],
        "ask_memory": ask["peak_memory"],
        "n": n,
        "batch_agrees": agreement(ask["batch_answers"], [one["answer"] for one in ask["asked"]]),
    }
    for name, values in columns.items():
        row[name] = 100 * float(np.mean(values))
        row[f"{name}_ci95"] = [100 * bound for bound in intervals[name]]
    if ours is not None:
        row["against"] = {
            name: _points(values, getattr(ours, name)) for name, values in columns.items()
        }
    return row


def _points(first: Sequence[float], second: Sequence[float]) -> list[float]:
    found = paired_bootstrap(first, second)
    return [100 * found.difference, 100 * found.low, 100 * found.high]


def agreement(answers: Sequence[str], reference: Sequence[str]) -> float:
    """Return the per cent of answers that are the reference's, after SQuAD's normalisation."""
    return 100 * float(
        np.mean([exact_match(a, b) for a, b in zip(answers, reference, strict=True)])
    )


def reading_row(
    raw: Mapping[str, Any], reference: Sequence[str] | None, golds: Sequence[Sequence[str]] | None
) -> dict[str, Any]:
    """Return a reader's row: its speed, whom it agrees with, and its scores if there are golds."""
    answers = flat(raw["answers"])
    row: dict[str, Any] = {
        "passages_per_second": len(answers) / raw["seconds"],
        "n": len(answers),
        "memory": raw["peak_memory"],
    }
    if reference is not None:
        row["agreement"] = agreement(answers, reference)
    if golds is not None:
        scores = [squad_scores(a, own) for a, own in zip(answers, golds, strict=True)]
        columns = {
            "exact_match": [one.exact_match for one in scores],
            "f1": [one.f1 for one in scores],
        }
        for name, bounds in bootstrap_intervals(columns).items():
            row[name] = 100 * float(np.mean(columns[name]))
            row[f"{name}_ci95"] = [100 * bound for bound in bounds]
    return row


def flat(nested: Sequence[Sequence[str]]) -> list[str]:
    """Join the answers of all groups."""
    return [one for own in nested for one in own]
