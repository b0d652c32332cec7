"""`qa calibrate`: fit ranking weights and probabilities on development questions.

All questions fit both; the fit goes on from the calibration that the reader had, which few
questions move little and many leave behind. What is reported is cross-validated.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from indexing.progress import Progress, SilentProgress
from reader.reordering import reordered
from reader.rescoring import READ_AGAIN, Rescorer, read_again

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipelines.questions import Question
    from reader.calibration import Calibration
    from reader.calibrator_fitting import ReadQuestion
    from reader.ranking import Evidence
    from reader.spans import Reader
    from retriever.hits import Retriever

    Floats = NDArray[np.float64]

BATCH = 16
FOLDS = 5
FEWEST = 30  # questions
PENALTY = 5.0  # of probabilities' weights, for leaving those that the reader had


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
    em: float
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
    threshold: float,
    prior: Calibration,
    seed: int = 13,
    rescorer: Rescorer | None = None,
    progress: Progress | None = None,
) -> tuple[Calibration, CalibrationReport]:
    """Fit ranking and probabilities on read questions, and report.

    Every question is reported by a fit without its own fifth of its corpus.

    Args:
        found: read questions by the name of their corpus. Corpora that answer their questions and
            corpora that do not teach the calibrator to tell one from the other.
        threshold: answers less probable are not shown by default.
        prior: the reader's calibration, from which the fit goes on.
        seed: decides which fifth of its corpus a question is in.
        rescorer: reads the best answers again, if given; how much it says is fitted, too.
        progress: is told of that.

    Raises:
        InputError: too few questions, or none of them answered rightly.
    """
    import numpy as np

    from indexing.errors import InputError

    names, questions, folds = _shuffled(found, seed)
    if len(questions) < FEWEST:
        raise InputError(
            f"{len(questions)} questions are too few to calibrate on; give {FEWEST} or more"
        )
    fitter = _Fitter(replace(prior, shift=0.0), _Rereading(rescorer, progress or SilentProgress()))
    odds, labels = np.full(len(questions), np.nan), np.zeros(len(questions))
    for fold in range(FOLDS):
        own = np.flatnonzero(folds == fold)
        fitted = fitter.fit([questions[i] for i in np.flatnonzero(folds != fold)])
        for i, judged in zip(own, fitter.judge([questions[i] for i in own], fitted), strict=True):
            odds[i], labels[i] = judged
    if not labels.any():
        raise InputError("no question was answered rightly: do questions and index match?")
    of = np.array(names)
    sources = tuple(_judged(name, odds[of == name], labels[of == name]) for name in found)
    whole = _judged("", odds, labels)
    report = CalibrationReport(
        len(questions),
        whole.em,
        whole.mean_probability,
        whole.expected_calibration_error,
        threshold,
        sources,
    )
    fitted = fitter.fit(questions)
    return replace(fitted, threshold=threshold, typical=whole.mean_probability), report


def _shuffled(
    found: Mapping[str, Sequence[ReadQuestion]], seed: int
) -> tuple[list[str], list[ReadQuestion], NDArray[np.int64]]:
    """Return all questions with the names of their corpora, and a fold for each."""
    import numpy as np

    names: list[str] = []
    questions: list[ReadQuestion] = []
    folds: list[int] = []
    for name, own in found.items():
        shuffled = list(own)
        random.Random(seed).shuffle(shuffled)
        questions += shuffled
        names += [name] * len(shuffled)
        folds += [place % FOLDS for place in range(len(shuffled))]
    return names, questions, np.array(folds, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Fitter:
    """Fits a calibration on read questions, and judges others by it."""

    prior: Calibration
    rereading: _Rereading

    def fit(self, questions: Sequence[ReadQuestion]) -> Calibration:
        """Return ranking, order and probabilities, fitted one after the other."""
        import numpy as np

        from reader.calibrator_fitting import examples, fit_ranking, fit_reordering
        from reader.logistic import fit_logistic

        fitted = replace(self.prior, ranking=fit_ranking(questions, self.prior.ranking))
        found, again = self._found(questions, fitted)
        if again is not None:
            order = fit_reordering(questions, found, again, self.prior.reordering)
            fitted = replace(fitted, reordering=order)
        features, labels = examples(questions, _in_order(found, again, fitted))
        if len(labels):
            weights = fit_logistic(features, labels, np.array(self.prior.logistic), PENALTY)
            fitted = replace(fitted, logistic=tuple(float(weight) for weight in weights))
        return fitted

    def judge(
        self, questions: Sequence[ReadQuestion], fitted: Calibration
    ) -> list[tuple[float, bool]]:
        """Return the probability of each question's best answer, and whether it is right.

        A question without any answer is surely wrong.
        """
        from reader.calibration import probability

        evidence = _in_order(*self._found(questions, fitted), fitted)
        return [
            (probability(own[0].features, fitted), own[0].spans[0].text in question.right)
            if own
            else (0.0, False)
            for question, own in zip(questions, evidence, strict=True)
        ]

    def _found(
        self, questions: Sequence[ReadQuestion], fitted: Calibration
    ) -> tuple[list[list[Evidence]], list[list[float]] | None]:
        """Return the answers as they stand before any is read again, and what that says of them."""
        from reader.calibrator_fitting import evidence_of

        found = [evidence_of(question, fitted.ranking) for question in questions]
        return found, self.rereading.scores(questions, found)


def _in_order(
    found: list[list[Evidence]], again: list[list[float]] | None, fitted: Calibration
) -> list[list[Evidence]]:
    if again is None:
        return found
    pairs = zip(found, again, strict=True)
    return [reordered(own, scores, fitted.reordering) for own, scores in pairs]


@dataclass(frozen=True, slots=True)
class _Rereading:
    """Reads answers again, each only once however often it is asked for."""

    rescorer: Rescorer | None
    progress: Progress
    known: dict[tuple[str, str, int, int], float] = field(default_factory=dict)

    def scores(
        self, questions: Sequence[ReadQuestion], evidence: Sequence[Sequence[Evidence]]
    ) -> list[list[float]] | None:
        """Return what the rescorer says of each question's first answers, if there is one."""
        if self.rescorer is None:
            return None
        keys = [
            [_key(question, one) for one in own[:READ_AGAIN]]
            for question, own in zip(questions, evidence, strict=True)
        ]
        new = [i for i, own in enumerate(keys) if any(key not in self.known for key in own)]
        if new:
            with self.progress.stage("Reading again", len(new), "questions") as advance:
                for begin in range(0, len(new), BATCH):
                    batch = new[begin : begin + BATCH]
                    texts = [questions[i].question for i in batch]
                    found = read_again(texts, [evidence[i] for i in batch], self.rescorer)
                    for i, own in zip(batch, found, strict=True):
                        self.known.update(zip(keys[i], own, strict=True))
                    advance(len(batch))
        return [[self.known[key] for key in own] for own in keys]


def _key(question: ReadQuestion, evidence: Evidence) -> tuple[str, str, int, int]:
    span = evidence.spans[0]
    return question.question, span.passage.text, span.start, span.end


def _judged(name: str, odds: Floats, labels: Floats) -> SourceReport:
    from reader.calibrator_fitting import expected_calibration_error

    error = expected_calibration_error(odds, labels)
    return SourceReport(name, len(labels), float(labels.mean()), float(odds.mean()), error)
