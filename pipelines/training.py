"""Training runs with their measurement: one seed, or several with mean and spread."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

from indexing.errors import InputError
from indexing.progress import SilentProgress
from pipelines.evaluate_reading import ReadingResult, evaluate_reading
from pipelines.progress import open_progress
from pipelines.questions import ReadingExample, ReadingSet
from reader.spans import Reader
from reader.train_settings import TrainSettings
from reader.training_data import TrainingSet

DEVELOPMENT = "development.json"


class Spread(TypedDict):
    """Mean, standard deviation (of a sample) and range over seeds, in per cent."""

    mean: float
    sd: float
    min: float
    max: float


class SeedSummary(TypedDict):
    """What runs of several seeds reached on the same `n` development questions."""

    seeds: list[int]
    best: str
    n: int
    exact_match: Spread
    f1: Spread


def train_and_measure(settings: TrainSettings, out: Path, *, resume: bool) -> ReadingResult | None:
    """Train a reader and measure its checkpoint on what the run held out, in fp32.

    The result is stored beside the checkpoint as `development.json`; None if nothing was held
    out.
    """
    from reader.features import ReaderTokenizer
    from reader.finetuning import train
    from reader.held_out import load_sets
    from reader.inference import ReadSettings
    from reader.load import load_reader

    train(settings, out, resume=resume, evaluate=development_f1)
    _, _, held = load_sets(settings, ReaderTokenizer.from_folder(out))
    data = as_reading_set(held)
    if not data.examples:
        return None
    reader = load_reader(out, precision="fp32", settings=ReadSettings(spans=1)).reader
    result = evaluate_reading(data, reader, progress=open_progress())
    (out / DEVELOPMENT).write_text(json.dumps(result, indent=2) + "\n")
    return result


def as_reading_set(data: TrainingSet) -> ReadingSet:
    """Return the answerable examples of a training set in the form of the evaluation."""
    return ReadingSet(
        tuple(
            ReadingExample(e.id, e.question, data.contexts[e.context].text, e.answers)
            for e in data.examples
            if e.answers
        ),
        "1.1",
    )


def development_f1(held: TrainingSet, reader: Reader) -> float:
    """Return the SQuAD F1 of a reader on the answerable examples, in per cent."""
    result = evaluate_reading(as_reading_set(held), reader, progress=SilentProgress())
    return float(result["f1"] or 0.0)


def train_seeds(settings: TrainSettings, count: int, out: Path, *, resume: bool) -> SeedSummary:
    """Train with `count` seeds from the settings' own on, and tell mean and spread.

    All are measured on the same held-out questions. The summary is stored as `seeds.json`.

    Raises:
        InputError: nothing is held out to measure on.
    """
    seeds = list(range(settings.seed, settings.seed + count))
    results: list[ReadingResult] = []
    for seed in seeds:
        run = replace(settings, seed=seed)
        result = train_and_measure(run, out / f"seed-{seed}", resume=resume)
        if result is None:
            raise InputError("no questions are held out to compare seeds by; set --development")
        results.append(result)
    f1 = [float(result["f1"] or 0.0) for result in results]
    summary: SeedSummary = {
        "seeds": seeds,
        "best": f"seed-{seeds[f1.index(max(f1))]}",
        "n": results[0]["n"],
        "exact_match": spread([result["exact_match"] for result in results]),
        "f1": spread(f1),
    }
    (out / "seeds.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def spread(values: Sequence[float]) -> Spread:
    """Summarise two values or more."""
    return {
        "mean": statistics.mean(values),
        "sd": statistics.stdev(values),
        "min": min(values),
        "max": max(values),
    }
