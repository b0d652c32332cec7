"""The mean of several checkpoints' weights.

Checkpoints of one family (each trained on from another, or from the same start) often lie in one
basin of the loss, and their mean reads better than any of them at no cost in speed (Izmailov et
al. 2018, section 3; Wortsman et al. 2022, section 2).
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from encoder.checkpoint import WEIGHTS, read_object
from encoder.weights_file import write_weights
from indexing.errors import InputError
from reader.companions import inherit

RECORD = "training.json"
COPIED = ("tokenizer.json", "tokenizer_config.json", "vocab.txt")

Weights = dict[str, NDArray[np.float32]]


def average(folders: Sequence[Path], out: Path, shares: Sequence[float] | None = None) -> None:
    """Write the mean of the checkpoints' weights, half precision, with all their records.

    `shares` says how much each of them counts (None: all alike). Everything else (configuration,
    tokenizer, calibration, rescorer) comes from the first.

    Raises:
        InputError: `out` is there already; fewer than two checkpoints, or they differ in their
            weights' names or shapes; the shares are not one for each, or not positive numbers.
    """
    if out.exists():
        raise InputError(f"{out} is there already; choose another --out")
    if len(folders) < 2:
        raise InputError("a mean takes two checkpoints or more")
    given = [1.0] * len(folders) if shares is None else list(shares)
    if len(given) != len(folders) or min(given) <= 0 or not math.isfinite(sum(given)):
        raise InputError(f"{len(folders)} checkpoints take so many shares, each a number above 0")
    mean = _mean(folders, [share / sum(given) for share in given])
    record: dict[str, object] = {"mean_of": [_record(folder) for folder in folders]}
    if shares is not None:
        record["shares"] = given
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    _write(part, mean, folders[0], record)
    inherit(part, folders[0])
    part.replace(out)


def _mean(folders: Sequence[Path], parts: Sequence[float]) -> Weights:
    first = _weights(folders[0])
    total = {name: value.astype(np.float32) * parts[0] for name, value in first.items()}
    for folder, part in zip(folders[1:], parts[1:], strict=True):
        other = _weights(folder)
        shapes = {name: value.shape for name, value in other.items()}
        if shapes != {name: value.shape for name, value in total.items()}:
            raise InputError(f"{folder}: its weights differ in name or shape from {folders[0]}'s")
        for name, value in other.items():
            total[name] += value.astype(np.float32) * part
    return total


def _write(folder: Path, weights: Weights, first: Path, record: dict[str, object]) -> None:
    for name in COPIED:
        if (first / name).is_file():
            shutil.copyfile(first / name, folder / name)
    config = read_object(first / "config.json") | {"dtype": "float16"}
    for name, written in (("config.json", config), (RECORD, record)):
        (folder / name).write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    half = {name: value.astype(np.float16) for name, value in weights.items()}
    write_weights(half, folder / WEIGHTS, {"format": "pt"})


def _weights(folder: Path) -> Weights:
    try:
        found: Weights = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{folder / WEIGHTS}: not readable ({error})") from error
    return found


def _record(folder: Path) -> object:
    """Return how a checkpoint was trained, or its name if it does not say."""
    file = folder / RECORD
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else folder.name
