"""The three evaluations behind `qa eval`, each in its own file."""

from __future__ import annotations

from pipelines.evaluate_open import OpenResult, OpenSettings, evaluate_open
from pipelines.evaluate_reading import ReadingResult, evaluate_reading
from pipelines.evaluate_retrieval import RetrievalResult, evaluate_retrieval

__all__ = [
    "OpenResult",
    "OpenSettings",
    "ReadingResult",
    "RetrievalResult",
    "evaluate_open",
    "evaluate_reading",
    "evaluate_retrieval",
]
