"""Open questions, end to end: whether the top answer is right, and its passage was there."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from indexing.errors import InputError
from indexing.progress import Progress, SilentProgress
from pipelines.open_records import open_record
from pipelines.open_scores import TOP_ANSWERS, OpenScores, Record, open_scores
from pipelines.qrels import Gold, gold_of
from pipelines.questions import Question
from pipelines.report import write_open_report
from pipelines.run_files import PredictionLog, write_json, write_trec_run
from pipelines.scores import RECALL_AT, single_latency
from pipelines.statistics import Latency, latency_percentiles

if TYPE_CHECKING:
    from pipelines.answers import AskResult
    from retriever.hits import Retriever

_BATCH = 16
_FORM = 3  # of the records; a log of another form is not gone on with
_ByDepth = dict[int, "AskResult"]


class Asker(Protocol):
    """What is evaluated: `pipelines.ask.QuestionAnswering`, or anything that asks alike."""

    def ask_batch(
        self, questions: Sequence[str], *, answers: int, top_k: int, min_probability: float
    ) -> Sequence[AskResult]:
        """Answer questions, each from its `top_k` passages, with at most `answers` answers."""
        ...

    def ask_depths(
        self,
        questions: Sequence[str],
        depths: Sequence[int],
        *,
        answers: int,
        min_probability: float,
    ) -> Sequence[_ByDepth]:
        """Answer questions from several numbers of passages, reading each passage once."""
        ...


class OpenResult(OpenScores):
    """The scores, and the speed.

    `questions_per_second` is that of batches, None if all predictions were there already.
    `stage_ms` are the times of the stages within `latency_ms`.
    """

    questions_per_second: float | None
    latency_ms: Latency
    stage_ms: dict[str, Latency]


@dataclass(frozen=True, slots=True)
class OpenSettings:
    """How open questions are evaluated.

    `top_k` passages are read for each question. `k` are the depths of recall; MRR counts down to
    the greatest. `patterns` says that the answers are regular expressions: then an answer is
    right if one matches from its start (DrQA's rule), and F1 is None. `latency_sample` questions,
    evenly spaced, are timed one by one. `threshold` is the probability from which on an answer
    would be given. `sweep` are further numbers of passages to answer from. `notes` is what else
    decides the predictions (index, retriever, reader): it is kept in the report, and must agree
    where an evaluation goes on.
    """

    top_k: int = 20
    k: tuple[int, ...] = RECALL_AT
    patterns: bool = False
    latency_sample: int = 100
    threshold: float | None = None
    sweep: tuple[int, ...] = ()
    notes: Mapping[str, Any] | None = None


def evaluate_open(
    questions: Sequence[Question],
    qa: Asker,
    settings: OpenSettings | None = None,
    *,
    retriever: Retriever | None = None,
    gold: Gold | None = None,
    limit: int | None = None,
    report: Path | None = None,
    progress: Progress | None = None,
) -> OpenResult:
    """Ask each question, and score the top answer, however improbable, and the passages.

    Questions without answers, which nothing in the corpus answers, count only where it is asked
    whether probabilities are true and what is answered at the threshold.

    With a report folder, predictions are written as they come, and an evaluation that was
    interrupted goes on where it was when it is called again with the same questions and settings.

    Args:
        questions: what to ask, with the right answers.
        qa: what answers.
        settings: see `OpenSettings`.
        retriever: where recall is wanted deeper than `top_k`: the retriever that `qa` uses, asked
            for as many passages as the greatest `k`. Without it recall stops at `top_k`.
        gold: right documents or passages; None takes what the questions name.
        limit: how many of the first questions to take.
        report: a folder for predictions, `run.trec`, `result.json` and `report.html`.
        progress: where to show progress.
    """
    chosen = settings or OpenSettings()
    asked = questions[:limit]
    if not any(question.answers for question in asked):
        raise InputError("There is no question with an answer to evaluate; give a greater --limit.")
    depths = chosen.k if retriever else tuple(d for d in chosen.k if d <= chosen.top_k)
    depths = depths or (chosen.top_k,)
    gold = gold or gold_of(asked)
    made_with = _fingerprint(asked, chosen, depths, gold)
    log = PredictionLog(report, "open", made_with) if report else None
    records: dict[str, Record] = dict(log.records) if log else {}
    left = [question for question in asked if question.id not in records]
    seconds = 0.0
    with (progress or SilentProgress()).stage("asking", len(asked), "questions") as advance:
        advance(len(asked) - len(left))
        for start in range(0, len(left), _BATCH):
            batch = left[start : start + _BATCH]
            texts = [question.text for question in batch]
            before = time.perf_counter()
            results = _ask(qa, texts, chosen)
            seconds += time.perf_counter() - before
            found = (
                retriever.retrieve(texts, max(depths))
                if retriever
                else [r[chosen.top_k].hits for r in results]
            )
            new = [
                open_record(
                    question,
                    result[chosen.top_k],
                    hits,
                    patterns=chosen.patterns,
                    gold=gold,
                    by_depth=result if chosen.sweep else None,
                )
                for question, result, hits in zip(batch, results, found, strict=True)
            ]
            records.update((record["id"], record) for record in new)
            if log:
                log.add(new)
            advance(len(batch))
    kept = [records[question.id] for question in asked]
    latency, stages = _latency(
        lambda text: qa.ask_batch([text], answers=1, top_k=chosen.top_k, min_probability=0.0)[0],
        asked,
        chosen.latency_sample,
    )
    result: OpenResult = {
        **open_scores(
            kept,
            top_k=chosen.top_k,
            depths=depths,
            threshold=chosen.threshold,
            gold_unit=gold.unit if gold else "documents",
        ),
        "questions_per_second": len(left) / seconds if seconds else None,
        "latency_ms": latency,
        "stage_ms": stages,
    }
    if report:
        run = ((record["id"], record["hits"]) for record in kept)
        write_trec_run(report / "run.trec", run, "spanqa", gold.unit if gold else "passages")
        _write_report(report, kept, result, chosen)
    return result


def _ask(qa: Asker, texts: Sequence[str], settings: OpenSettings) -> Sequence[_ByDepth]:
    """Answer from `top_k` passages, and from the swept numbers where there are any."""
    answers = max(TOP_ANSWERS)
    if settings.sweep:
        depths = sorted({settings.top_k, *settings.sweep})
        return qa.ask_depths(texts, depths, answers=answers, min_probability=0.0)
    results = qa.ask_batch(texts, answers=answers, top_k=settings.top_k, min_probability=0.0)
    return [{settings.top_k: result} for result in results]


def _latency(
    ask: Callable[[str], AskResult], questions: Sequence[Question], sample: int
) -> tuple[Latency, dict[str, Latency]]:
    """Time single questions, and the stages of asking that the answers tell of."""
    latency, results = single_latency(ask, [question.text for question in questions], sample)
    names = [name for name in results[0].timings_ms if name != "total"]
    return latency, {
        name: latency_percentiles([result.timings_ms[name] / 1000 for result in results])
        for name in names
    }


def _fingerprint(
    questions: Sequence[Question],
    settings: OpenSettings,
    depths: Sequence[int],
    gold: Gold | None,
) -> dict[str, Any]:
    """Return what must be equal for an interrupted evaluation to go on."""
    text = json.dumps([[asdict(question) for question in questions], gold and asdict(gold)])
    return {
        "form": _FORM,
        "questions": len(questions),
        "questions_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "top_k": settings.top_k,
        "k": list(depths),
        "patterns": settings.patterns,
        "sweep": list(settings.sweep),
        "notes": json.loads(json.dumps(settings.notes or {})),
    }


def _write_report(
    folder: Path, records: Sequence[Record], result: OpenResult, settings: OpenSettings
) -> None:
    write_json(folder / "predictions.json", {r["id"]: r["prediction"] for r in records})
    write_json(folder / "result.json", result)
    facts = {"passages read": settings.top_k, **(settings.notes or {})}
    write_open_report(folder, result, records, facts, patterns=settings.patterns)
