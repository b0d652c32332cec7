"""`qa calibrate --reading`: when a given passage has no answer, fitted on held-out questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.errors import InputError

if TYPE_CHECKING:
    from pipelines.questions import ReadingExample
    from reader.answerability import Answerability
    from reader.spans import Reader, Span

LEAST = 50  # questions


@dataclass(frozen=True, slots=True)
class AnswerabilityReport:
    """What the fit found; shares are of questions, 0 to 1, each judged by a fit without it."""

    questions: int
    answered: float
    accuracy: float
    accuracy_of_relevance: float


def calibrate_reading(
    examples: Sequence[ReadingExample], reader: Reader
) -> tuple[Answerability, AnswerabilityReport]:
    """Fit on questions of SQuAD 2.0-type files, and report.

    Raises:
        InputError: too few questions, or all with an answer or all without.
    """
    from pipelines.evaluate_reading import read_contexts
    from pipelines.progress import open_progress

    found, _ = read_contexts(examples, reader, open_progress())
    pairs = [
        (spans[0], any(example.answers))
        for example, spans in zip(examples, found, strict=True)
        if spans
    ]
    return fit(*zip(*pairs, strict=True)) if pairs else fit((), ())


def fit(
    best: Sequence[Span], answered: Sequence[bool]
) -> tuple[Answerability, AnswerabilityReport]:
    """Return the weights fitted on all, and how well fits without a fifth judge that fifth."""
    import numpy as np

    from reader.answerability import RELEVANCE_ALONE, cross_validated, fit_answerability

    if len(best) < LEAST or len(set(answered)) < 2:
        raise InputError(
            f"{len(best)} questions, {sum(answered)} with an answer: answerability needs {LEAST} "
            "or more, with and without answers; `qa train alter` makes them of any SQuAD file"
        )
    labels = np.asarray(answered)
    alone = np.array([RELEVANCE_ALONE.probability(span) for span in best])
    crossed = cross_validated(best, answered)
    report = AnswerabilityReport(
        len(best),
        float(labels.mean()),
        float(((crossed >= 0.5) == labels).mean()),
        float(((alone >= 0.5) == labels).mean()),
    )
    return fit_answerability(best, answered), report
