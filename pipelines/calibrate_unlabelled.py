"""`qa calibrate --unlabelled`: probabilities moved by questions as they are asked, unanswered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from indexing.errors import InputError

if TYPE_CHECKING:
    from indexing.progress import Progress
    from reader.calibration import Calibration
    from reader.rescoring import Rescorer
    from reader.spans import Reader
    from retriever.hits import Retriever

BATCH = 16
FEWEST = 30  # questions
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class UnlabelledReport:
    """What the questions told: mean probabilities before and after, and what moves the logits."""

    questions: int
    typical: float
    mean_probability_before: float
    mean_probability: float
    shift: float
    shift_ci95: tuple[float, float]


def calibrate_unlabelled(
    questions: Sequence[str],
    retriever: Retriever,
    reader: Reader,
    calibration: Calibration,
    rescorer: Rescorer | None,
    top_k: int,
    progress: Progress,
) -> tuple[Calibration, UnlabelledReport]:
    """Return the calibration with the shift that these questions ask for, in place of any before.

    Raises:
        InputError: too few questions, or a calibration that does not say what it was fitted on.
    """
    from reader.calibration import rank_answers

    if calibration.typical is None:
        raise InputError(
            "this reader's probabilities are not fitted, or were by an older version; run qa "
            "calibrate with answered questions first"
        )
    if len(questions) < FEWEST:
        raise InputError(
            f"{len(questions)} questions are too few to tell of others; give {FEWEST} or more"
        )
    plain = replace(calibration, shift=0.0)
    found: list[float] = []  # of each question's best answer; 0 where it has none
    with progress.stage("Reading", len(questions), "questions") as advance:
        for begin in range(0, len(questions), BATCH):
            texts = questions[begin : begin + BATCH]
            passages = [[hit.passage for hit in own] for own in retriever.retrieve(texts, top_k)]
            spans = reader.read(texts, passages)
            ranked = rank_answers(texts, passages, spans, plain, rescorer)
            found += [own[0].probability if own else 0.0 for own in ranked]
            advance(len(texts))
    return _fitted(found, plain, calibration.typical)


def _fitted(
    found: Sequence[float], plain: Calibration, typical: float
) -> tuple[Calibration, UnlabelledReport]:
    import numpy as np

    from reader.prior_shift import prior_shift, shifted

    own = np.array(found)
    shift = prior_shift(found, typical)
    drawn = np.random.default_rng(0).integers(len(own), size=(RESAMPLES, len(own)))
    resampled = [prior_shift(own[row].tolist(), typical) for row in drawn]
    low, high = np.quantile(resampled, [0.025, 0.975]).tolist()
    report = UnlabelledReport(
        len(found),
        typical,
        float(own.mean()),
        float(np.mean([shifted(one, shift) for one in found])),
        shift,
        (low, high),
    )
    return replace(plain, shift=shift), report
