"""The probability shown beside an answer.

A logistic calibrator (Platt 1999) turns the features of the best answers (`reader.ranking`) into
the probability that an answer is right. All weights, the ranking's too, are fitted on development
questions by `qa calibrate` and stored beside the checkpoint.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from indexing.documents import Passage
from indexing.errors import InputError
from reader.answerability import RELEVANCE_ALONE, Answerability
from reader.ranking import FEATURES, Evidence, RankingWeights, gather_evidence
from reader.reordering import UNFITTED, ReorderingWeights, reordered
from reader.rescoring import Rescorer, read_again
from reader.spans import Span

FILE = "calibration.json"
PARTS = ("asking", "reading", "unlabelled")


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a checkpoint stores beside its weights."""

    ranking: RankingWeights
    logistic: tuple[float, ...]
    threshold: float = 0.0
    answerable: Answerability = RELEVANCE_ALONE
    reordering: ReorderingWeights = UNFITTED
    typical: float | None = None
    """The mean probability over the questions of the fit; none where it was not stored."""
    shift: float = 0.0
    """What questions without answers add to each logit (`reader.prior_shift`)."""


@dataclass(frozen=True, slots=True)
class RankedAnswer:
    """One answer with all the spans that say it, best first."""

    text: str
    probability: float
    score: float
    spans: tuple[Span, ...]


UNCALIBRATED = Calibration(RankingWeights(), (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0))


def load_calibration(folder: Path) -> Calibration:
    """Read a checkpoint's calibration; a checkpoint without one gets plain defaults.

    Raises:
        InputError: the file is damaged.
    """
    file = folder / FILE
    if not file.is_file():
        return UNCALIBRATED
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        # Calibrations of readers whose answers were not read again lack that feature.
        fitted = {"again": 0.0} | raw["logistic"]
        logistic = tuple(float(fitted[name]) for name in FEATURES)
        return Calibration(
            RankingWeights(**raw["ranking"]),
            logistic,
            float(raw["threshold"]),
            Answerability(**raw.get("answerable", {})),
            ReorderingWeights(**raw.get("reordering", {})),
            None if raw.get("typical") is None else float(raw["typical"]),
            float(raw.get("shift", 0.0)),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: damaged ({error}); run qa calibrate again") from error


def save_calibration(
    folder: Path, calibration: Calibration, notes: Mapping[str, Mapping[str, object]]
) -> None:
    """Store a calibration, with notes on what parts of it were fitted on.

    Parts are "asking" (ranking and probabilities), "unlabelled" (the shift of these) and "reading"
    (answerability); notes on a part that is not given stay, but a new "asking" ends the shift.
    """
    kept = _notes(folder)
    if "asking" in notes:
        kept.pop("unlabelled", None)
    raw = {
        "ranking": asdict(calibration.ranking),
        "reordering": asdict(calibration.reordering),
        "logistic": dict(zip(FEATURES, calibration.logistic, strict=True)),
        "threshold": calibration.threshold,
        "typical": calibration.typical,
        "shift": calibration.shift,
        "answerable": asdict(calibration.answerable),
        "notes": kept | {part: dict(own) for part, own in notes.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")


def _notes(folder: Path) -> dict[str, object]:
    file = folder / FILE
    if not file.is_file():
        return {}
    notes = json.loads(file.read_text(encoding="utf-8")).get("notes", {})
    return {part: notes[part] for part in PARTS if part in notes}


def probability(features: Sequence[float], calibration: Calibration) -> float:
    """Return the probability that an answer with these features is right."""
    logit = float(np.dot(features, calibration.logistic)) + calibration.shift
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))


def rank_answers(
    questions: Sequence[str],
    passages: Sequence[Sequence[Passage]],
    spans: Sequence[Sequence[Span]],
    calibration: Calibration = UNCALIBRATED,
    rescorer: Rescorer | None = None,
) -> list[list[RankedAnswer]]:
    """Return the answers of each question, best first; probabilities never rise down the list.

    `passages` are those that were read, best first. A rescorer reads the first answers again. The
    text of an answer is the exact surface text of its best span.
    """
    found = [
        gather_evidence(*one, calibration.ranking)
        for one in zip(questions, passages, spans, strict=True)
    ]
    if rescorer is not None:
        again = read_again(questions, found, rescorer)
        pairs = zip(found, again, strict=True)
        found = [reordered(own, scores, calibration.reordering) for own, scores in pairs]
    return [_answers(own, calibration) for own in found]


def _answers(evidence: Sequence[Evidence], calibration: Calibration) -> list[RankedAnswer]:
    answers: list[RankedAnswer] = []
    ceiling = 1.0
    for one in evidence:
        ceiling = min(ceiling, probability(one.features, calibration))
        answers.append(RankedAnswer(one.spans[0].text, ceiling, one.score, one.spans))
    return answers
