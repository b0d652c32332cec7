"""What an evaluation keeps of each open question: a line of `predictions.jsonl`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipelines.answer_match import (
    AnswerKey,
    first_match,
    pattern_answers,
    pattern_match,
    text_answers,
)
from pipelines.categories import categorise
from pipelines.error_analysis import Miss, fault_of
from pipelines.metrics import Scores, squad_scores
from pipelines.qrels import Gold, hit_rows
from pipelines.questions import Question
from pipelines.ranking_metrics import first_right

if TYPE_CHECKING:
    from pipelines.answers import Answer, AskResult
    from retriever.hits import Hit

UNANSWERABLE = "unanswerable"
"""Stands for the fault of a question that nothing answers; no part is at fault there."""
SHOWN = 5
"""Passages kept with their text, besides the answer's own and the first right one."""


def score_answer(prediction: str, answers: Sequence[str], *, patterns: bool) -> Scores:
    """Score an answer to an open question; F1 is 0 for regular expressions.

    Without right answers every answer is wrong.
    """
    if patterns:
        return Scores(pattern_match(prediction, answers), 0.0)
    return squad_scores(prediction, answers)


def open_record(
    question: Question,
    result: AskResult,
    hits: Sequence[Hit],
    *,
    patterns: bool = False,
    gold: Gold | None = None,
    by_depth: Mapping[int, AskResult] | None = None,
) -> dict[str, Any]:
    """Return the details of one question.

    Args:
        question: what was asked.
        result: the answers, best first, and the passages read for them.
        hits: the passages that recall is counted over.
        patterns: whether the right answers are regular expressions.
        gold: right documents or passages, where known: gives `gold_rank`.
        by_depth: results from fewer or more passages: gives `depths`.
    """
    top = result.answers[0] if result.answers else None
    prediction = top.text if top else ""
    scores = score_answer(prediction, question.answers, patterns=patterns)
    key = answer_key(question, patterns)
    rank = first_match(key, [hit.passage for hit in hits])
    texts = {hit.passage.id: hit.passage.text for hit in result.hits}
    own = top.citations[0].passage_id if top and top.citations else None
    miss = Miss(
        prediction,
        question.answers,
        rank,
        len(result.hits),
        own in texts and key.found_in(texts[own]),
        patterns,
    )
    record = {
        "id": question.id,
        "question": question.text,
        "answers": list(question.answers),
        "prediction": prediction,
        "probability": top.probability if top else None,
        "citation": asdict(top.citations[0]) if top and top.citations else None,
        "exact_match": scores.exact_match,
        "f1": None if patterns else scores.f1,
        "candidates": [_candidate(answer, question.answers, patterns) for answer in result.answers],
        "rank": rank,
        "fault": _fault(miss, scores),
        "category": categorise(
            question.text,
            () if patterns else question.answers,
            _compared_passage(hits, rank),
        ),
        "hits": hit_rows(hits),
        "passages": shown_passages(hits, rank, own),
    }
    if gold is not None and gold.judges(question.id):
        record["gold_rank"] = first_right(gold.ranked(hits), gold.grades[question.id])
    if by_depth is not None:
        record["depths"] = {
            str(depth): _at_depth(found, question.answers, patterns)
            for depth, found in sorted(by_depth.items())
        }
    return record


def _fault(miss: Miss, scores: Scores) -> str | None:
    if not miss.answers:
        return UNANSWERABLE
    return None if scores.exact_match else fault_of(miss)


def answer_key(question: Question, patterns: bool) -> AnswerKey:
    """Return what finds the question's answers in texts."""
    return pattern_answers(question.answers) if patterns else text_answers(question.answers)


def _compared_passage(hits: Sequence[Hit], rank: int) -> str | None:
    """Return the first passage with the answer, else the first; None where there is none."""
    return hits[max(rank, 1) - 1].passage.text if hits else None


def shown_passages(hits: Sequence[Hit], rank: int, own: int | None = None) -> list[dict[str, Any]]:
    """Return the first passages, the first right one, and the one with the id `own`, with rank."""
    return [
        {
            "rank": place,
            "id": hit.passage.id,
            "document_id": hit.passage.document_id,
            "title": hit.passage.title,
            "start": hit.passage.start,
            "text": hit.passage.text,
        }
        for place, hit in enumerate(hits, start=1)
        if place <= SHOWN or place == rank or hit.passage.id == own
    ]


def _candidate(answer: Answer, answers: Sequence[str], patterns: bool) -> dict[str, Any]:
    return {
        "text": answer.text,
        "probability": answer.probability,
        "exact_match": score_answer(answer.text, answers, patterns=patterns).exact_match,
    }


def _at_depth(result: AskResult, answers: Sequence[str], patterns: bool) -> dict[str, Any]:
    prediction = result.answers[0].text if result.answers else ""
    scores = score_answer(prediction, answers, patterns=patterns)
    return {
        "prediction": prediction,
        "exact_match": scores.exact_match,
        "f1": None if patterns else scores.f1,
    }
