"""Retrievers over the same questions, side by side as a Markdown table."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.answer_match import first_match
from pipelines.open_records import answer_key
from pipelines.questions import Question, load_questions
from pipelines.scores import RECALL_AT, rank_scores
from pipelines.statistics import paired_bootstrap
from retriever.hits import Retriever

SEED = 13
_WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One retriever: the rank of each question's first right passage (0: none), and its time."""

    name: str
    ranks: tuple[int, ...]
    milliseconds: float


def drawn(source: str, count: int | None) -> list[Question]:
    """Return questions of a file, at most `count`, drawn at random with a fixed seed."""
    questions = load_questions(source)
    if count is None or count >= len(questions):
        return questions
    return random.Random(SEED).sample(questions, count)


def measure(
    name: str, retriever: Retriever, questions: Sequence[Question], patterns: bool = False
) -> Row:
    """Retrieve for one question after the other, as deep as recall is counted."""
    deepest = max(RECALL_AT)
    for question in questions[:_WARM_UP]:
        retriever.retrieve([question.text], deepest)
    ranks, seconds = [], 0.0
    for question in questions:
        begin = time.perf_counter()
        (hits,) = retriever.retrieve([question.text], deepest)
        seconds += time.perf_counter() - begin
        ranks.append(first_match(answer_key(question, patterns), [hit.passage for hit in hits]))
    return Row(name, tuple(ranks), 1000 * seconds / len(questions))


def reciprocal(ranks: Sequence[int]) -> np.ndarray:
    """Return 1 / rank, 0 where there is none."""
    found = np.asarray(ranks)
    return np.where(found > 0, 1 / np.maximum(found, 1), 0.0)


def table(rows: Sequence[Row]) -> str:
    """Return the rows with 95 % bootstrap intervals.

    The last but one column compares MRR to the first row's, question by question.
    """
    recall = " | ".join(f"R@{depth}" for depth in RECALL_AT)
    lines = [
        f"| retrieval | {recall} | MRR | MRR over the first row | ms/question |",
        "| --- " * (len(RECALL_AT) + 4) + "|",
    ]
    base = reciprocal(rows[0].ranks)
    for row in rows:
        scores = rank_scores(row.ranks, RECALL_AT)
        cells = []
        for depth, value in scores["recall"].items():
            low, high = scores["ci95"]["recall"][depth]
            cells.append(f"{value:.1f} [{low:.1f}, {high:.1f}]")
        low, high = scores["ci95"]["mrr"]
        cells.append(f"{scores['mrr']:.3f} [{low:.3f}, {high:.3f}]")
        gain = paired_bootstrap(reciprocal(row.ranks), base)
        cells.append(f"{gain.difference:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]")
        lines.append(f"| {row.name} | {' | '.join(cells)} | {row.milliseconds:.1f} |")
    return "\n".join(lines)


def against(one: Row, others: Sequence[Row]) -> str:
    """Return by how much a row's recall@20, in points, and MRR are above each other row's.

    Questions are paired; 95 % intervals and p values are by bootstrap.
    """
    lines = [f"| {one.name} above | R@20 | p | MRR | p |", "| --- " * 5 + "|"]
    for other in others:
        if other is one:
            continue
        cells = [other.name]
        for values, shown in (
            ([100 * within(row.ranks, 20) for row in (one, other)], "+.1f"),
            ([reciprocal(row.ranks) for row in (one, other)], "+.3f"),
        ):
            gain = paired_bootstrap(*values)
            interval = f"[{gain.low:{shown}}, {gain.high:{shown}}]"
            cells += [f"{gain.difference:{shown}} {interval}", f"{gain.p_value:.3f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def within(ranks: Sequence[int], depth: int) -> np.ndarray:
    """Return 1 where the first right passage is among the first `depth`, else 0."""
    found = np.asarray(ranks)
    return ((found > 0) & (found <= depth)).astype(np.float64)
