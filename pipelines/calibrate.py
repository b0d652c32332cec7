"""`qa calibrate`: fit ranking weights and probabilities on development questions.

Half of the questions choose the ranking weights, the other half fits the calibrator, so that the
probabilities are not flattered by the choice.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from indexing.progress import Progress

if TYPE_CHECKING:
    from pipelines.questions import Question
    from reader.calibrator_fitting import ReadQuestion
    from reader.spans import Reader
    from retriever.hits import Retriever

BATCH = 16


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What a calibration found; shares are of questions, 0 to 1."""

    questions: int
    ranking_em: float
    calibrated_em: float
    mean_probability: float
    expected_calibration_error: float
    threshold: float


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
                scores = {hit.passage.id: hit.score for hit in own_hits}
                found.append(ReadQuestion(tuple(own), scores, right))
            advance(len(batch))
    return found


def calibrate(
    found: Sequence[ReadQuestion],
    folder: Path,
    threshold: float,
    notes: dict[str, object],
    seed: int = 13,
) -> CalibrationReport:
    """Fit on read questions, store the result beside the checkpoint, and report.

    The error reported is over the calibrator's own half, with every question's probability coming
    from a fit without its fifth of that half.

    Raises:
        InputError: too few questions, or none of them answered rightly.
    """
    import numpy as np

    from indexing.errors import InputError
    from reader.calibration import Calibration, load_calibration, save_calibration
    from reader.calibrator_fitting import (
        examples,
        expected_calibration_error,
        fit_ranking,
    )
    from reader.logistic import fit_logistic

    shuffled = list(found)
    random.Random(seed).shuffle(shuffled)
    first, second = shuffled[::2], shuffled[1::2]
    if len(second) < 25:
        raise InputError(f"{len(found)} questions are too few to calibrate on; give 50 or more")
    ranking, em = fit_ranking(first)
    features, labels, tops = examples(second, ranking)
    if not labels.any():
        raise InputError("no question was answered rightly: do questions and index match?")
    weights = fit_logistic(features, labels)
    odds = np.zeros(len(labels))
    fold = np.arange(len(labels)) * 5 // len(labels)
    for number in range(5):
        rest = fold != number
        fitted = fit_logistic(features[rest], labels[rest])
        odds[~rest] = 1 / (1 + np.exp(-features[~rest] @ fitted))
    report = CalibrationReport(
        len(found),
        em,
        float(labels[tops].sum() / len(second)),
        float(odds[tops].mean()),
        expected_calibration_error(odds[tops], labels[tops]),
        threshold,
    )
    answerable = load_calibration(folder).answerable
    calibration = Calibration(ranking, tuple(float(w) for w in weights), threshold, answerable)
    save_calibration(folder, calibration, notes | asdict(report))
    return report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `qa calibrate`."""
    parser.add_argument("questions", nargs="*", help="development questions (never test ones)")
    parser.add_argument("--index", type=Path, default=None, help="the index to ask")
    parser.add_argument(
        "--reading",
        nargs="+",
        default=(),
        metavar="FILE",
        help="SQuAD 2.0-type files to fit by when a given passage has no answer at all "
        "(`qa train alter` makes such)",
    )
    parser.add_argument("--reader", default=None, help="checkpoint folder (default: the bundled)")
    parser.add_argument("--retriever", default=None, choices=("hybrid", "bm25", "dense"))
    parser.add_argument("--top-k", type=int, default=20, help="passages read for each question")
    parser.add_argument("--limit", type=int, default=2000, help="questions taken, at random")
    parser.add_argument("--threshold", type=float, default=0.1, help="abstain below this")
    parser.add_argument("--out", type=Path, default=None, help="folder (default: the reader's)")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Run `qa calibrate`."""
    from indexing.errors import InputError

    if not args.questions and not args.reading:
        raise InputError("give development questions with --index, or --reading FILE, or both")
    if args.questions and args.index is None:
        raise InputError("development questions are asked of an index: add --index DIR")
    if args.questions:
        _calibrate_ranking(args)
    if args.reading:
        from pipelines.calibrate_reading import calibrate_reading

        calibrate_reading(args.reading, args.reader, args.out, as_json=args.json)
    return 0


def _calibrate_ranking(args: argparse.Namespace) -> None:
    from indexing.index import Index
    from pipelines.progress import open_progress
    from pipelines.questions import load_questions
    from reader.load import load_reader
    from retriever.open import default_kind, open_retriever

    questions = [q for source in args.questions for q in load_questions(source)]
    random.Random(args.seed).shuffle(questions)
    loaded = load_reader(args.reader)
    with Index.open(args.index) as index:
        kind = args.retriever or default_kind(index)
        encoder = None
        if kind != "bm25":
            from encoder.load import load_encoder

            encoder = load_encoder()
        retriever = open_retriever(index, kind, encoder)
        found = read_questions(
            questions[: args.limit], retriever, loaded.reader, args.top_k, open_progress()
        )
    notes: dict[str, object] = {
        "files": [Path(source).name for source in args.questions],
        "retriever": kind,
        "top_k": args.top_k,
        "seed": args.seed,
    }
    report = calibrate(found, args.out or loaded.folder, args.threshold, notes, args.seed)
    if args.json:
        print(json.dumps(asdict(report)))
    else:
        print(
            f"{report.questions} questions: EM {100 * report.calibrated_em:.1f} on the half that "
            f"calibrated, expected calibration error {report.expected_calibration_error:.3f}; "
            f"stored in {args.out or loaded.folder}",
            file=sys.stdout,
        )
