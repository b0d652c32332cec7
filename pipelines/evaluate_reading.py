"""Reading comprehension: each question about its own context, scored as by the SQuAD scripts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NotRequired

from indexing.documents import Passage
from indexing.errors import InputError
from indexing.progress import Progress, SilentProgress
from pipelines.metrics import Scores, squad_scores
from pipelines.questions import ReadingExample, ReadingSet
from pipelines.run_files import make_report_folder, write_json
from pipelines.scores import AnswerScores, answer_scores
from reader.spans import Reader, Span

_BATCH = 256


class ReadingResult(AnswerScores):
    """Scores over all questions; for SQuAD 2.0 also over its two parts, where not empty."""

    version: str
    has_answer: NotRequired[AnswerScores]
    no_answer: NotRequired[AnswerScores]
    seconds: float
    passages_per_second: float


def has_span(spans: Sequence[Span]) -> bool:
    """Whether there is any span: the plainest way to tell answerable questions."""
    return bool(spans)


def evaluate_reading(
    data: ReadingSet,
    reader: Reader,
    *,
    limit: int | None = None,
    is_answerable: Callable[[Sequence[Span]], bool] = has_span,
    report: Path | None = None,
    progress: Progress | None = None,
) -> ReadingResult:
    """Read each question's context and score the best span's text.

    Contexts are read without a title, as in the published figures.

    Args:
        data: the examples, and the version whose script scores them.
        reader: what reads; its time alone is measured.
        limit: how many of the first examples to take.
        is_answerable: decides for SQuAD 2.0, by the spans found, best first, whether the best is
            the answer or there is none. SQuAD 1.1 has no such questions and does not ask.
        report: a folder for `predictions.json` (for the official scripts) and `result.json`.
        progress: where to show progress.
    """
    examples = data.examples[:limit]
    if not examples:
        raise InputError("There is no question to evaluate; give a greater --limit.")
    if report is not None:
        make_report_folder(report)
    found, seconds = _read_all(examples, reader, progress or SilentProgress())
    predictions = {
        example.id: spans[0].text
        if spans and (data.version == "1.1" or is_answerable(spans))
        else ""
        for example, spans in zip(examples, found, strict=True)
    }
    scores = [squad_scores(predictions[e.id], e.answers, data.version) for e in examples]
    whole = _summary(scores)
    result: ReadingResult = {
        "exact_match": whole["exact_match"],
        "f1": whole["f1"],
        "n": whole["n"],
        "ci95": whole["ci95"],
        "version": data.version,
        "seconds": seconds,
        "passages_per_second": len(examples) / seconds,
    }
    if data.version == "2.0":
        answered = [s for s, e in zip(scores, examples, strict=True) if any(e.answers)]
        unanswered = [s for s, e in zip(scores, examples, strict=True) if not any(e.answers)]
        if answered:
            result["has_answer"] = _summary(answered)
        if unanswered:
            result["no_answer"] = _summary(unanswered)
    if report is not None:
        write_json(report / "predictions.json", predictions)
        write_json(report / "result.json", result)
    return result


def _summary(scores: Sequence[Scores]) -> AnswerScores:
    return answer_scores([s.exact_match for s in scores], [s.f1 for s in scores])


def _read_all(
    examples: Sequence[ReadingExample], reader: Reader, progress: Progress
) -> tuple[list[list[Span]], float]:
    """Return the spans of each example, and how long reading took."""
    numbers: dict[str, int] = {}
    found: list[list[Span]] = []
    seconds = 0.0
    with progress.stage("reading", len(examples), "questions") as advance:
        for start in range(0, len(examples), _BATCH):
            batch = examples[start : start + _BATCH]
            passages = [
                [_passage(numbers.setdefault(e.context, len(numbers)), e.context)] for e in batch
            ]
            before = time.perf_counter()
            found += reader.read([e.question for e in batch], passages)
            seconds += time.perf_counter() - before
            advance(len(batch))
    return found, seconds


def _passage(number: int, context: str) -> Passage:
    return Passage(number, str(number), "", context, 0, len(context))
