"""Reading comprehension over several sets in one run, with their macro average."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from indexing.errors import InputError
from indexing.progress import Progress
from pipelines.evaluate_reading import (
    ReadingResult,
    Record,
    has_span,
    reading_records,
    reading_result,
    write_reading_report,
)
from pipelines.questions import ReadingSet
from pipelines.report import write_sets_page
from pipelines.run_files import make_report_folder, write_json, write_settings
from pipelines.scores import AnswerIntervals
from pipelines.statistics import macro_intervals
from reader.spans import Reader, Span


class MacroScores(TypedDict):
    """The mean over `sets` sets, each counting alike (Fisch et al. 2019: MRQA's macro average).

    `n` counts the questions of all sets.
    """

    exact_match: float
    f1: float
    sets: int
    n: int
    ci95: AnswerIntervals


class ReadingSetsResult(TypedDict):
    """The result of each set by its name, and their macro average."""

    sets: dict[str, ReadingResult]
    macro: MacroScores


def evaluate_reading_sets(
    sets: Mapping[str, ReadingSet],
    reader: Reader,
    *,
    limit: int | None = None,
    is_answerable: Callable[[Sequence[Span]], bool] = has_span,
    report: Path | None = None,
    notes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> ReadingSetsResult:
    """Evaluate several sets, each as `evaluate_reading` does, and average over them.

    `limit` holds for each set. Each set's report goes to a folder of its name below `report`,
    the result of all to `result.json` in it.
    """
    if report is not None:
        for folder in (report, *(report / name for name in sets)):
            make_report_folder(folder, "reading")
    results: dict[str, ReadingResult] = {}
    columns = []
    for name, data in sets.items():
        examples = data.examples[:limit]
        if not examples:
            raise InputError(f"{name}: there is no question to evaluate; give a greater --limit.")
        records, seconds = reading_records(examples, data.version, reader, is_answerable, progress)
        results[name] = reading_result(records, data.version, seconds)
        columns.append(_columns(records))
        if report is not None:
            write_reading_report(
                report / name, records, results[name], {"set": name, **(notes or {})}
            )
    intervals = macro_intervals(columns)
    result: ReadingSetsResult = {
        "sets": results,
        "macro": {
            "exact_match": float(np.mean([own["exact_match"] for own in results.values()])),
            "f1": float(np.mean([own["f1"] or 0.0 for own in results.values()])),
            "sets": len(results),
            "n": sum(own["n"] for own in results.values()),
            "ci95": {"exact_match": intervals["exact_match"], "f1": intervals["f1"]},
        },
    }
    if report is not None:
        write_settings(report, "reading", {"notes": notes})
        write_json(report / "result.json", result)
        write_sets_page(report, result, notes or {})
    return result


def _columns(records: Sequence[Record]) -> dict[str, list[float]]:
    """Return the scores of a set's questions in per cent."""
    return {name: [100.0 * record[name] for record in records] for name in ("exact_match", "f1")}


def set_names(sources: Sequence[str]) -> list[str]:
    """Return a short name for each source, its file name without suffixes, all different."""
    names: list[str] = []
    for source in sources:
        base = Path(source).name.split(".json")[0] or "set"
        name, number = base, 1
        while name in names:
            number += 1
            name = f"{base}-{number}"
        names.append(name)
    return names
