"""Reading comprehension: each question about its own context, scored as by the SQuAD scripts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired

from indexing.documents import Passage
from indexing.errors import InputError
from indexing.progress import Progress, SilentProgress
from pipelines.categories import by_category, categorise
from pipelines.metrics import SquadVersion, squad_scores
from pipelines.questions import ReadingExample, ReadingSet
from pipelines.report import write_reading_page
from pipelines.run_files import make_report_folder, write_json, write_records, write_settings
from pipelines.scores import AnswerScores, answer_scores
from reader.spans import Reader, Span

_BATCH = 256
Record = Mapping[str, Any]


class ReadingResult(AnswerScores):
    """Scores over all questions; for SQuAD 2.0 also over its two parts, where not empty."""

    version: str
    has_answer: NotRequired[AnswerScores]
    no_answer: NotRequired[AnswerScores]
    categories: dict[str, dict[str, AnswerScores]]
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
    notes: Mapping[str, Any] | None = None,
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
        report: a folder for `predictions.json` (for the official scripts), `predictions.jsonl`,
            `result.json` and `report.html`.
        notes: what else to tell in the report, such as the reader.
        progress: where to show progress.
    """
    examples = data.examples[:limit]
    if not examples:
        raise InputError("There is no question to evaluate; give a greater --limit.")
    if report is not None:
        make_report_folder(report, "reading")
    records, seconds = reading_records(examples, data.version, reader, is_answerable, progress)
    result = reading_result(records, data.version, seconds)
    if report is not None:
        write_reading_report(report, records, result, notes or {})
    return result


def reading_records(
    examples: Sequence[ReadingExample],
    version: SquadVersion,
    reader: Reader,
    is_answerable: Callable[[Sequence[Span]], bool] = has_span,
    progress: Progress | None = None,
) -> tuple[list[Record], float]:
    """Return the details of each example, and how many seconds reading took."""
    found, seconds = read_contexts(examples, reader, progress or SilentProgress())
    records = []
    for example, spans in zip(examples, found, strict=True):
        answered = spans and (version == "1.1" or is_answerable(spans))
        records.append(_record(example, spans[0] if answered else None, version))
    return records, seconds


def _record(example: ReadingExample, best: Span | None, version: SquadVersion) -> Record:
    prediction = best.text if best else ""
    scores = squad_scores(prediction, example.answers, version)
    return {
        "id": example.id,
        "question": example.question,
        "answers": list(example.answers),
        "prediction": prediction,
        "span": [best.start, best.end] if best else None,
        "exact_match": scores.exact_match,
        "f1": scores.f1,
        "category": categorise(example.question, example.answers, example.context),
        "context": example.context,
    }


def reading_result(
    records: Sequence[Record], version: SquadVersion, seconds: float
) -> ReadingResult:
    """Summarise records, at least one."""
    whole = _summary(records)
    result: ReadingResult = {
        "exact_match": whole["exact_match"],
        "f1": whole["f1"],
        "n": whole["n"],
        "ci95": whole["ci95"],
        "version": version,
        "categories": by_category(records),
        "seconds": seconds,
        "passages_per_second": len(records) / seconds,
    }
    if version == "2.0":
        if answered := [record for record in records if any(record["answers"])]:
            result["has_answer"] = _summary(answered)
        if unanswered := [record for record in records if not any(record["answers"])]:
            result["no_answer"] = _summary(unanswered)
    return result


def write_reading_report(
    folder: Path, records: Sequence[Record], result: ReadingResult, notes: Mapping[str, Any]
) -> None:
    """Write settings, predictions, result and page into a folder that is there."""
    write_settings(folder, "reading", {"notes": notes})
    write_json(folder / "predictions.json", {r["id"]: r["prediction"] for r in records})
    write_records(folder / "predictions.jsonl", records)
    write_json(folder / "result.json", result)
    write_reading_page(folder, result, records, notes)


def _summary(records: Sequence[Record]) -> AnswerScores:
    return answer_scores([r["exact_match"] for r in records], [r["f1"] for r in records])


def read_contexts(
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
