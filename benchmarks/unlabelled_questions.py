"""What questions without answers do for probabilities: `qa calibrate --unlabelled`, simulated.

    qa eval open questions.jsonl --index INDEX --report NAME
    python -m benchmarks.unlabelled_questions NAME... [--sizes 30 100 300]

Each report's questions are parted at random. The probabilities of the one half are moved by the
questions of the other, whose answers are not looked at, and the other way round: so each question
is judged by a shift that it took no part in. With --sizes so many questions are drawn to move
the probabilities of all others, DRAWS times; their mean calibration error is shown.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.selective import selective_scores
from reader.calibration import load_calibration
from reader.calibrator_fitting import expected_calibration_error
from reader.load import reader_folder
from reader.prior_shift import prior_shift, shifted

Floats = NDArray[np.float64]
DRAWS = 100


def read_report(folder: Path) -> tuple[Floats, Floats]:
    """Return each question's probability, 0 without an answer, and whether it is right."""
    with (folder / "predictions.jsonl").open(encoding="utf-8") as file:
        records = [record for line in file if "prediction" in (record := json.loads(line))]
    probabilities = [record["probability"] or 0.0 for record in records]
    return np.array(probabilities), np.array([record["exact_match"] for record in records])


def moved(probabilities: Floats, by: Floats, typical: float) -> Floats:
    """Return probabilities moved by those of other questions."""
    shift = prior_shift(by.tolist(), typical)
    return np.array([shifted(one, shift) for one in probabilities])


def crossed(probabilities: Floats, typical: float, seed: int) -> Floats:
    """Return each half moved by the other."""
    half = np.random.default_rng(seed).permutation(len(probabilities)) % 2 == 0
    found = np.empty_like(probabilities)
    for own in (half, ~half):
        found[own] = moved(probabilities[own], probabilities[~own], typical)
    return found


def error_by(size: int, probabilities: Floats, right: Floats, typical: float) -> float:
    """Return the mean calibration error of all others where `size` questions move them."""
    random = np.random.default_rng(size)
    errors = []
    for _ in range(DRAWS):
        order = random.permutation(len(right))
        by, rest = order[:size], order[size:]
        found = moved(probabilities[rest], probabilities[by], typical)
        errors.append(expected_calibration_error(found, right[rest]))
    return float(np.mean(errors))


def described(probabilities: Floats, right: Floats) -> str:
    """Return mean probability, calibration error, interval and noise floor, as cells of a table."""
    scores = selective_scores(probabilities.tolist(), right.tolist())
    low, high = scores["ci95"]["ece"]
    return (
        f"{100 * scores['mean_probability']:.1f} % "
        f"| {scores['ece']:.3f} [{low:.3f}, {high:.3f}] ({scores['floor']:.3f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("--sizes", nargs="+", type=int, default=[30, 100, 300])
    parser.add_argument("--reader", default=None, help="of the reports (default: the bundled)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    calibration = load_calibration(reader_folder(args.reader))
    typical = calibration.typical
    if typical is None or calibration.shift:
        raise SystemExit("reports must be of a fitted reader whose probabilities were not moved")
    sizes = " | ".join(f"{size} questions" for size in args.sizes)
    print(
        f"| report | n | EM | mean probability | error (floor) | moved | error (floor) | {sizes} |"
    )
    print("|" + "---|" * (7 + len(args.sizes)))
    for folder in args.reports:
        probabilities, right = read_report(folder)
        found = crossed(probabilities, typical, args.seed)
        by_size = [
            f"{error_by(size, probabilities, right, typical):.3f}" if 2 * size <= len(right) else ""
            for size in args.sizes
        ]
        print(
            f"| {folder.name} | {len(right):,} | {100 * right.mean():.1f} "
            f"| {described(probabilities, right)} | {described(found, right)} "
            f"| {' | '.join(by_size)} |"
        )


if __name__ == "__main__":
    main()
