"""The mean of several checkpoints' weights.

Checkpoints of one family (each trained on from another, or from the same start) often lie in one
basin of the loss, and their mean reads better than any of them at no cost in speed (Izmailov et
al. 2018, section 3; Wortsman et al. 2022, section 2).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from indexing.errors import InputError

WEIGHTS = "model.safetensors"
RECORD = "training.json"
COPIED = ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt")


def average(folders: Sequence[Path], out: Path, shares: Sequence[float] | None = None) -> None:
    """Write the mean of the checkpoints' weights, half precision, with all their records.

    `shares` says how much each of them counts (None: all alike). Everything else (configuration,
    tokenizer) comes from the first.

    Raises:
        InputError: fewer than two checkpoints, or they differ in their weights' names or shapes;
            the shares are not one for each, or not positive.
    """
    if len(folders) < 2:
        raise InputError("a mean takes two checkpoints or more")
    given = [1.0] * len(folders) if shares is None else list(shares)
    if len(given) != len(folders) or min(given) <= 0:
        raise InputError(f"{len(folders)} checkpoints take so many shares, each above 0")
    parts = [share / sum(given) for share in given]
    first = _weights(folders[0])
    total = {name: value.astype(np.float32) * parts[0] for name, value in first.items()}
    for folder, part in zip(folders[1:], parts[1:], strict=True):
        other = _weights(folder)
        shapes = {name: value.shape for name, value in other.items()}
        if shapes != {name: value.shape for name, value in total.items()}:
            raise InputError(f"{folder}: its weights differ in name or shape from {folders[0]}'s")
        for name, value in other.items():
            total[name] += value.astype(np.float32) * part
    mean = {name: value.astype(np.float16) for name, value in total.items()}
    out.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        if (folders[0] / name).is_file():
            shutil.copyfile(folders[0] / name, out / name)
    config = json.loads((out / "config.json").read_text(encoding="utf-8")) | {"dtype": "float16"}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    records = [_record(folder) for folder in folders]
    record: dict[str, object] = {"mean_of": records}
    if shares is not None:
        record["shares"] = given
    (out / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    temporary = out / (WEIGHTS + ".part")
    save_file(mean, temporary, metadata={"format": "pt"})
    temporary.replace(out / WEIGHTS)


def _weights(folder: Path) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    try:
        found: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = load_file(
            folder / WEIGHTS
        )
    except (OSError, SafetensorError) as error:
        raise InputError(f"{folder / WEIGHTS}: not readable ({error})") from error
    return found


def _record(folder: Path) -> object:
    """Return how a checkpoint was trained, or its name if it does not say."""
    file = folder / RECORD
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else folder.name
