"""The evaluations behind `qa eval`, each in its own file."""

from __future__ import annotations

from pipelines.compare import Comparison, compare_runs
from pipelines.evaluate_open import OpenResult, OpenSettings, evaluate_open
from pipelines.evaluate_reading import ReadingResult, evaluate_reading
from pipelines.evaluate_reading_sets import ReadingSetsResult, evaluate_reading_sets
from pipelines.evaluate_retrieval import RetrievalResult, evaluate_retrieval

__all__ = [
    "Comparison",
    "OpenResult",
    "OpenSettings",
    "ReadingResult",
    "ReadingSetsResult",
    "RetrievalResult",
    "compare_runs",
    "evaluate_open",
    "evaluate_reading",
    "evaluate_reading_sets",
    "evaluate_retrieval",
]
