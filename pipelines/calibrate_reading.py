"""`qa calibrate --reading`: when a given passage has no answer, fitted on held-out questions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexing.errors import InputError

if TYPE_CHECKING:
    from reader.answerability import Answerability
    from reader.spans import Span

LEAST = 50  # questions


@dataclass(frozen=True, slots=True)
class AnswerabilityReport:
    """What the fit found; shares are of questions, 0 to 1, each judged by a fit without it."""

    questions: int
    answered: float
    accuracy: float
    accuracy_of_relevance: float


def calibrate_reading(
    sources: Sequence[str], reader: str | None, folder: Path, *, as_json: bool
) -> AnswerabilityReport:
    """Fit on SQuAD 2.0-type files and store the result beside the checkpoint.

    Raises:
        InputError: too few questions, or all with an answer or all without.
    """
    from pipelines.evaluate_reading import read_contexts
    from pipelines.progress import open_progress
    from pipelines.questions import load_reading
    from reader.calibration import FILE, load_calibration, save_calibration
    from reader.load import load_reader

    examples = [example for source in sources for example in load_reading(source).examples]
    loaded = load_reader(reader)
    found, _ = read_contexts(examples, loaded.reader, open_progress())
    pairs = [
        (spans[0], any(example.answers))
        for example, spans in zip(examples, found, strict=True)
        if spans
    ]
    fitted, report = fit(*zip(*pairs, strict=True)) if pairs else fit((), ())
    # A new folder goes on from the reader's own ranking and probabilities.
    known = folder if (folder / FILE).is_file() else loaded.folder
    calibration = replace(load_calibration(known), answerable=fitted)
    notes = {"files": [Path(source).name for source in sources]} | asdict(report)
    save_calibration(folder, calibration, "reading", notes)
    if as_json:
        print(json.dumps(asdict(report)))
    else:
        print(
            f"{report.questions} questions, {100 * report.answered:.0f} % with an answer: told "
            f"apart rightly {100 * report.accuracy:.1f} %, by relevance alone "
            f"{100 * report.accuracy_of_relevance:.1f} %; stored in {folder}"
        )
    return report


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
