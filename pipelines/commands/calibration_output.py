"""What `qa calibrate` says of its fits, for people and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.calibrate import CalibrationReport
    from pipelines.calibrate_reading import AnswerabilityReport
    from pipelines.calibrate_unlabelled import UnlabelledReport
    from reader.calibration import Calibration

HARDLY_ANSWERED = 0.02
"""A mean probability as of questions asked of an index that is not about them."""


@dataclass(frozen=True, slots=True)
class Fits:
    """A calibration of which one part or several are fitted; one that is not has no report."""

    calibration: Calibration
    asking: CalibrationReport | None
    unlabelled: UnlabelledReport | None
    reading: AnswerabilityReport | None
    notes: dict[str, dict[str, object]]


def document(fits: Fits) -> dict[str, object]:
    """Return the report of what was fitted; of several by their names."""
    from reader.calibration import PARTS

    parts = {name: asdict(report) for name in PARTS if (report := getattr(fits, name)) is not None}
    return next(iter(parts.values())) if len(parts) == 1 else dict(parts)


def show(fits: Fits, out: Path) -> None:
    """Print what was fitted, and where it is stored."""
    if (asking := fits.asking) is not None:
        print(
            f"{asking.questions:,} questions; cross-validated: EM {100 * asking.em:.1f}, mean "
            f"probability {100 * asking.mean_probability:.1f} %, expected calibration error "
            f"{asking.expected_calibration_error:.3f}; stored in {out}"
        )
        for one in asking.sources if len(asking.sources) > 1 else ():
            print(
                f"  {one.name}: {one.questions:,} questions, EM {100 * one.em:.1f}, mean "
                f"probability {100 * one.mean_probability:.1f} %, error "
                f"{one.expected_calibration_error:.3f}"
            )
    if (unlabelled := fits.unlabelled) is not None:
        print(
            f"{unlabelled.questions:,} questions without answers: mean probability "
            f"{100 * unlabelled.mean_probability_before:.1f} %, of the fit's questions "
            f"{100 * unlabelled.typical:.1f} %; moved to "
            f"{100 * unlabelled.mean_probability:.1f} %; stored in {out}"
        )
        if unlabelled.mean_probability < HARDLY_ANSWERED:
            print("  hardly any of them is answered here: do questions and index match?")
    if (reading := fits.reading) is not None:
        print(
            f"{reading.questions} questions, {100 * reading.answered:.0f} % with an answer: told "
            f"apart rightly {100 * reading.accuracy:.1f} %, by relevance alone "
            f"{100 * reading.accuracy_of_relevance:.1f} %; stored in {out}"
        )
