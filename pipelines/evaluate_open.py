"""Open questions, end to end: whether the top answer is right, and its passage was there."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, Protocol, TypedDict

from indexing.errors import InputError
from indexing.progress import Progress, SilentProgress
from pipelines.answer_match import (
    AnswerKey,
    first_match,
    pattern_answers,
    pattern_match,
    text_answers,
)
from pipelines.metrics import Scores, squad_scores
from pipelines.questions import Question
from pipelines.run_files import PredictionLog, write_json, write_trec_run
from pipelines.scores import (
    RECALL_AT,
    AnswerIntervals,
    AnswerScores,
    RankIntervals,
    answer_scores,
    rank_scores,
    single_latency,
)
from pipelines.statistics import Latency

if TYPE_CHECKING:
    from pipelines.answers import AskResult
    from retriever.hits import Hit, Retriever

_BATCH = 16
_Records = dict[str, Mapping[str, Any]]


class Asker(Protocol):
    """What is evaluated: `pipelines.ask.QuestionAnswering`, or anything that asks alike."""

    def ask_batch(
        self, questions: Sequence[str], *, answers: int, top_k: int, min_probability: float
    ) -> Sequence[AskResult]:
        """Answer questions, each from its `top_k` passages, with at most `answers` answers."""
        ...


class OpenIntervals(AnswerIntervals, RankIntervals):
    """95 % intervals of the scores of the same names."""


class OpenScores(TypedDict):
    """Scores of answers and passages over `n` questions.

    `answerable` are the questions with an answer in one of the passages read; it is missing where
    there are none.
    """

    exact_match: float
    f1: float | None
    recall: dict[str, float]
    mrr: float
    n: int
    ci95: OpenIntervals
    answerable: NotRequired[AnswerScores]


class OpenResult(OpenScores):
    """The scores, and the speed.

    `questions_per_second` is that of batches, None if all predictions were there already.
    """

    questions_per_second: float | None
    latency_ms: Latency


@dataclass(frozen=True, slots=True)
class OpenSettings:
    """How open questions are evaluated.

    `top_k` passages are read for each question. `k` are the depths of recall; MRR counts down to
    the greatest. `patterns` says that the answers are regular expressions: then an answer is
    right if one matches from its start (DrQA's rule), and F1 is None. `latency_sample` questions,
    evenly spaced, are timed one by one. `notes` is what else decides the predictions (index,
    retriever, reader): it is kept in the report, and must agree where an evaluation goes on.
    """

    top_k: int = 20
    k: tuple[int, ...] = RECALL_AT
    patterns: bool = False
    latency_sample: int = 100
    notes: Mapping[str, Any] | None = None


def evaluate_open(
    questions: Sequence[Question],
    qa: Asker,
    settings: OpenSettings | None = None,
    *,
    retriever: Retriever | None = None,
    limit: int | None = None,
    report: Path | None = None,
    progress: Progress | None = None,
) -> OpenResult:
    """Ask each question, and score the top answer, however improbable, and the passages.

    With a report folder, predictions are written as they come, and an evaluation that was
    interrupted goes on where it was when it is called again with the same questions and settings.

    Args:
        questions: what to ask, with the right answers.
        qa: what answers.
        settings: see `OpenSettings`.
        retriever: where recall is wanted deeper than `top_k`: the retriever that `qa` uses, asked
            for as many passages as the greatest `k`. Without it recall stops at `top_k`.
        limit: how many of the first questions to take.
        report: a folder for predictions, `run.trec` and `result.json`.
        progress: where to show progress.
    """
    chosen = settings or OpenSettings()

    def ask(texts: Sequence[str]) -> Sequence[AskResult]:
        return qa.ask_batch(texts, answers=1, top_k=chosen.top_k, min_probability=0.0)

    asked = questions[:limit]
    if not asked:
        raise InputError("There is no question to evaluate; give a greater --limit.")
    depths = chosen.k if retriever else tuple(d for d in chosen.k if d <= chosen.top_k)
    depths = depths or (chosen.top_k,)
    log = PredictionLog(report, _fingerprint(asked, chosen, depths)) if report else None
    records: _Records = dict(log.records) if log else {}
    left = [question for question in asked if question.id not in records]
    seconds = 0.0
    with (progress or SilentProgress()).stage("asking", len(asked), "questions") as advance:
        advance(len(asked) - len(left))
        for start in range(0, len(left), _BATCH):
            batch = left[start : start + _BATCH]
            texts = [question.text for question in batch]
            before = time.perf_counter()
            results = ask(texts)
            seconds += time.perf_counter() - before
            found = (
                retriever.retrieve(texts, max(depths)) if retriever else [r.hits for r in results]
            )
            new = [
                _record(question, result, hits, chosen.patterns)
                for question, result, hits in zip(batch, results, found, strict=True)
            ]
            records.update((record["id"], record) for record in new)
            if log:
                log.add(new)
            advance(len(batch))
    result: OpenResult = {
        **_scores([records[question.id] for question in asked], chosen, depths),
        "questions_per_second": len(left) / seconds if seconds else None,
        "latency_ms": single_latency(
            lambda text: ask([text]),
            [question.text for question in asked],
            chosen.latency_sample,
        ),
    }
    if report:
        _write_report(report, [records[question.id] for question in asked], result)
    return result


def _fingerprint(
    questions: Sequence[Question], settings: OpenSettings, depths: Sequence[int]
) -> dict[str, Any]:
    """Return what must be equal for an interrupted evaluation to go on."""
    text = json.dumps([asdict(question) for question in questions])
    return {
        "questions": len(questions),
        "questions_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "top_k": settings.top_k,
        "k": list(depths),
        "patterns": settings.patterns,
        "notes": json.loads(json.dumps(settings.notes or {})),
    }


def _record(
    question: Question, result: AskResult, hits: Sequence[Hit], patterns: bool
) -> dict[str, Any]:
    """Return the line of details of one question."""
    top = result.answers[0] if result.answers else None
    prediction = top.text if top else ""
    key: AnswerKey
    if patterns:
        key = pattern_answers(question.answers)
        scores = Scores(pattern_match(prediction, question.answers), 0.0)
    else:
        key = text_answers(question.answers)
        scores = squad_scores(prediction, question.answers)
    return {
        "id": question.id,
        "question": question.text,
        "answers": list(question.answers),
        "prediction": prediction,
        "probability": top.probability if top else None,
        "citation": asdict(top.citations[0]) if top and top.citations else None,
        "exact_match": scores.exact_match,
        "f1": None if patterns else scores.f1,
        "rank": first_match(key, [hit.passage for hit in hits]),
        "hits": [[hit.passage.id, hit.score] for hit in hits],
    }


def _scores(
    records: Sequence[Mapping[str, Any]], settings: OpenSettings, depths: Sequence[int]
) -> OpenScores:
    """Join the scores of answers and of passages, and those of the answerable questions."""
    everything = _answers(records, settings.patterns)
    ranks = rank_scores([record["rank"] for record in records], depths)
    scores: OpenScores = {
        "exact_match": everything["exact_match"],
        "f1": everything["f1"],
        "recall": ranks["recall"],
        "mrr": ranks["mrr"],
        "n": everything["n"],
        "ci95": {**everything["ci95"], **ranks["ci95"]},
    }
    answerable = [record for record in records if 0 < record["rank"] <= settings.top_k]
    if answerable:
        scores["answerable"] = _answers(answerable, settings.patterns)
    return scores


def _answers(records: Sequence[Mapping[str, Any]], patterns: bool) -> AnswerScores:
    exact = [record["exact_match"] for record in records]
    return answer_scores(exact, None if patterns else [record["f1"] for record in records])


def _write_report(folder: Path, records: Sequence[Mapping[str, Any]], result: OpenResult) -> None:
    write_trec_run(folder / "run.trec", ((r["id"], r["hits"]) for r in records), "spanqa")
    write_json(folder / "predictions.json", {r["id"]: r["prediction"] for r in records})
    write_json(folder / "result.json", result)
