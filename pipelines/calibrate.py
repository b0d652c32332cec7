"""`qa calibrate`: fit ranking weights and probabilities on development questions.

Half of the questions choose the ranking weights, the other half fits the calibrator, so that the
probabilities are not flattered by the choice.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexing.progress import Progress, SilentProgress
from reader.reordering import UNFITTED, ReorderingWeights, reordered
from reader.rescoring import Rescorer, read_again

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipelines.questions import Question
    from reader.calibrator_fitting import ReadQuestion
    from reader.ranking import Evidence, RankingWeights
    from reader.spans import Reader
    from retriever.hits import Retriever

    Floats = NDArray[np.float64]

BATCH = 16


@dataclass(frozen=True, slots=True)
class SourceReport:
    """How a calibration does on the questions of one corpus; shares are of them, 0 to 1."""

    name: str
    questions: int
    em: float
    mean_probability: float
    expected_calibration_error: float


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What a calibration found; shares are of questions, 0 to 1."""

    questions: int
    ranking_em: float
    calibrated_em: float
    mean_probability: float
    expected_calibration_error: float
    threshold: float
    sources: tuple[SourceReport, ...]


def read_questions(
    questions: Sequence[Question],
    retriever: Retriever,
    reader: Reader,
    top_k: int,
    progress: Progress,
) -> list[ReadQuestion]:
    """Retrieve and read development questions, keeping the spans and which of them are right."""
    from pipelines.metrics import exact_match
    from reader.calibrator_fitting import ReadQuestion

    found = []
    with progress.stage("Reading", len(questions), "questions") as advance:
        for begin in range(0, len(questions), BATCH):
            batch = questions[begin : begin + BATCH]
            texts = [question.text for question in batch]
            hits = retriever.retrieve(texts, top_k)
            spans = reader.read(texts, [[hit.passage for hit in own] for own in hits])
            for question, own, own_hits in zip(batch, spans, hits, strict=True):
                right = frozenset(
                    span.text
                    for span in own
                    if any(exact_match(span.text, answer) for answer in question.answers)
                )
                passages = tuple(hit.passage for hit in own_hits)
                found.append(ReadQuestion(question.text, passages, tuple(own), right))
            advance(len(batch))
    return found


def calibrate(
    found: Mapping[str, Sequence[ReadQuestion]],
    folder: Path,
    threshold: float,
    notes: dict[str, object],
    seed: int = 13,
    rescorer: Rescorer | None = None,
    progress: Progress | None = None,
) -> CalibrationReport:
    """Fit on read questions, store the result beside the checkpoint, and report.

    The error reported is over the calibrator's own half, with every question's probability coming
    from a fit without its fifth of that half.

    Args:
        found: read questions by the name of their corpus. Corpora that answer their questions and
            corpora that do not teach the calibrator to tell one from the other.
        folder: where the calibration is stored.
        threshold: answers less probable are not shown by default.
        notes: what to store about the data.
        seed: decides which half of each corpus's questions is whose.
        rescorer: reads the best answers again, if given; how much it says is fitted, too.
        progress: is told of that.

    Raises:
        InputError: too few questions, or none of them answered rightly.
    """
    import numpy as np

    from indexing.errors import InputError
    from reader.calibration import Calibration, load_calibration, save_calibration
    from reader.calibrator_fitting import examples, fit_ranking
    from reader.logistic import fit_logistic

    progress = progress or SilentProgress()
    first: list[ReadQuestion] = []
    second: dict[str, list[ReadQuestion]] = {}
    for name, own in found.items():
        shuffled = list(own)
        random.Random(seed).shuffle(shuffled)
        first += shuffled[::2]
        second[name] = shuffled[1::2]
    if sum(map(len, second.values())) < 25:
        total = sum(map(len, found.values()))
        raise InputError(f"{total} questions are too few to calibrate on; give 50 or more")
    ranking, em = fit_ranking(first)
    order = _Order(ranking, rescorer, progress).fitted(first)
    parts = {name: examples(own, order.evidence(own)) for name, own in second.items()}
    parts = {name: own for name, own in parts.items() if len(own[1])}  # some answer at all
    if not any(labels.any() for _, labels, _ in parts.values()):
        raise InputError("no question was answered rightly: do questions and index match?")
    features, labels, tops = (np.concatenate(one) for one in zip(*parts.values(), strict=True))
    odds = _without_own_fold(features, labels, (np.cumsum(tops) - 1) % 5)
    owners = np.repeat(list(parts), [len(own[1]) for own in parts.values()])
    sources = tuple(
        _judged(name, len(second[name]), odds[mine], labels[mine])
        for name in parts
        if (mine := tops & (owners == name)).any()
    )
    whole = _judged("", sum(map(len, second.values())), odds[tops], labels[tops])
    report = CalibrationReport(
        sum(map(len, found.values())),
        em,
        whole.em,
        whole.mean_probability,
        whole.expected_calibration_error,
        threshold,
        sources,
    )
    weights = tuple(float(weight) for weight in fit_logistic(features, labels))
    answerable = load_calibration(folder).answerable
    calibration = Calibration(ranking, weights, threshold, answerable, order.reordering)
    save_calibration(folder, calibration, "asking", notes | asdict(report))
    return report


@dataclass(frozen=True, slots=True)
class _Order:
    """How answers are ordered: by ranking weights and, with a rescorer, by reading them again."""

    ranking: RankingWeights
    rescorer: Rescorer | None
    progress: Progress
    reordering: ReorderingWeights = UNFITTED

    def fitted(self, questions: Sequence[ReadQuestion]) -> _Order:
        """Return the order with fitted weights of what is read again."""
        from reader.calibrator_fitting import evidence_of, fit_reordering

        if self.rescorer is None:
            return self
        found = [evidence_of(question, self.ranking) for question in questions]
        again = self._read_again(self.rescorer, questions, found)
        return replace(self, reordering=fit_reordering(questions, found, again))

    def evidence(self, questions: Sequence[ReadQuestion]) -> list[list[Evidence]]:
        """Return the answers of each question, best first."""
        from reader.calibrator_fitting import evidence_of

        found = [evidence_of(question, self.ranking) for question in questions]
        if self.rescorer is None:
            return found
        again = self._read_again(self.rescorer, questions, found)
        return [
            reordered(own, scores, self.reordering)
            for own, scores in zip(found, again, strict=True)
        ]

    def _read_again(
        self,
        rescorer: Rescorer,
        questions: Sequence[ReadQuestion],
        evidence: Sequence[Sequence[Evidence]],
    ) -> list[list[float]]:
        scores: list[list[float]] = []
        with self.progress.stage("Reading again", len(questions), "questions") as advance:
            for begin in range(0, len(questions), BATCH):
                texts = [question.question for question in questions[begin : begin + BATCH]]
                scores += read_again(texts, evidence[begin : begin + BATCH], rescorer)
                advance(len(texts))
        return scores


def _without_own_fold(features: Floats, labels: Floats, fold: NDArray[np.int64]) -> Floats:
    """Return each answer's probability by a fit without the answers of its fold."""
    import numpy as np

    from reader.logistic import fit_logistic

    odds = np.zeros(len(labels))
    for number in np.unique(fold):
        rest = fold != number
        fitted = fit_logistic(features[rest], labels[rest])
        odds[~rest] = 1 / (1 + np.exp(-features[~rest] @ fitted))
    return odds


def _judged(name: str, questions: int, odds: Floats, labels: Floats) -> SourceReport:
    from reader.calibrator_fitting import expected_calibration_error

    error = expected_calibration_error(odds, labels)
    return SourceReport(name, questions, float(labels.sum() / questions), float(odds.mean()), error)
