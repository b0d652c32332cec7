"""A BERT-type checkpoint on disk: configuration and weights, read without torch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InputError

# Of BERT with a head, and of DPR's encoders.
_PREFIX = re.compile(r"^(bert\.|(question|ctx)_encoder\.(bert_model\.)?)")
_ANEW = "copy it anew from where the model is from"
WEIGHTS = "model.safetensors"
WORDS = "embeddings.word_embeddings.weight"


@dataclass(frozen=True, slots=True)
class BertConfig:
    """The sizes of a BERT-type encoder, from its `config.json`."""

    layers: int
    heads: int
    hidden: int
    inner: int
    epsilon: float
    positions: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights by name, without the encoder's prefix, and their configuration."""

    config: BertConfig
    tensors: Mapping[str, NDArray[np.float32]]


def check_files(folder: Path) -> None:
    """Raise InputError unless the folder has the files of a checkpoint."""
    for name in ("config.json", WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: not found; a checkpoint folder needs this file")


def read_json(file: Path) -> Any:
    """Read a JSON file of a model's folder.

    Raises:
        InputError: the file is damaged.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: not readable JSON ({error}); {_ANEW}") from error


def read_object(file: Path) -> dict[str, Any]:
    """Read a JSON file that holds one object, as a model's settings.

    Raises:
        InputError: the file is damaged, or holds something else.
    """
    found = read_json(file)
    if not isinstance(found, dict):
        raise InputError(f"{file}: holds no JSON object; {_ANEW}")
    return found


def read_config(folder: Path) -> BertConfig:
    """Read the sizes of a Hugging Face folder's model.

    Raises:
        InputError: a file is missing or damaged, or the model is of another type.
    """
    check_files(folder)
    file = folder / "config.json"
    raw = read_object(file)
    if raw.get("model_type") not in ("bert", "dpr") or raw.get("hidden_act", "gelu") != "gelu":
        raise InputError(f"{folder}: model type {raw.get('model_type')!r} is not BERT with GELU")
    try:
        return BertConfig(
            layers=int(raw["num_hidden_layers"]),
            heads=int(raw["num_attention_heads"]),
            hidden=int(raw["hidden_size"]),
            inner=int(raw["intermediate_size"]),
            epsilon=float(raw.get("layer_norm_eps", 1e-12)),
            positions=int(raw["max_position_embeddings"]),
        )
    except KeyError as error:
        raise InputError(f"{file}: {error} is missing; {_ANEW}") from error
    except (TypeError, ValueError) as error:
        raise InputError(f"{file}: a size is no number ({error}); {_ANEW}") from error


def check_weights(folder: Path, names: Sequence[str], kind: str) -> None:
    """Raise InputError unless a checkpoint's weights have the names that make it of its kind."""
    from safetensors import safe_open

    check_files(folder)
    with _readable(folder), safe_open(folder / WEIGHTS, "numpy") as tensors:
        found = set(tensors.keys())
    if missing := [name for name in names if name not in found]:
        raise InputError(f"{folder}: its weights lack {', '.join(missing)}: {kind}")


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """Name the folder whose weights cannot be read."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        raise InputError(f"{folder}: not a readable checkpoint ({error}); {_ANEW}") from error


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a Hugging Face folder with BERT-type weights.

    An encoder of questions that has the words of the encoder of passages has none of its own: they
    are read from the folder above.

    Raises:
        InputError: a file is missing or damaged, or the model is of another type.
    """
    from safetensors.numpy import load_file

    config = read_config(folder)
    with _readable(folder):
        loaded = load_file(folder / WEIGHTS)
    tensors = {
        _PREFIX.sub("", name): np.asarray(value, dtype=np.float32)
        for name, value in loaded.items()
        if np.issubdtype(value.dtype, np.floating)
    }
    if WORDS not in tensors:
        tensors[WORDS] = _words_above(folder)
    try:
        return Checkpoint(config, tensors | _joined(config, tensors))
    except KeyError as error:
        raise InputError(f"{folder}: its weights lack {error}, a layer's; {_ANEW}") from error


def _words_above(folder: Path) -> NDArray[np.float32]:
    from safetensors import safe_open

    file = folder.parent / WEIGHTS
    if file.is_file():
        with _readable(folder.parent), safe_open(file, "numpy") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - it is no mapping
                if _PREFIX.sub("", name) == WORDS:
                    return np.asarray(tensors.get_tensor(name), dtype=np.float32)
    raise InputError(f"{folder}: no word embeddings, neither here nor in the folder above")


def _joined(
    config: BertConfig, tensors: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """Return each layer's query, key and value matrices as one: one product instead of three."""
    return {
        f"encoder.layer.{layer}.attention.joined.{kind}": np.concatenate(
            [
                tensors[f"encoder.layer.{layer}.attention.self.{part}.{kind}"]
                for part in ("query", "key", "value")
            ]
        )
        for layer in range(config.layers)
        for kind in ("weight", "bias")
    }


def fingerprint(folder: Path) -> str:
    """Return a short hash of the files that decide what a model computes.

    Files that have not changed since are not read again: the bundled encoder's are asked for twice
    where the demo is.
    """
    paths = (folder / name for name in ("config.json", WEIGHTS, "tokenizer.json"))
    files = [(path, path.stat()) for path in paths if path.is_file()]
    return _digest(tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in files))


def folder_fingerprint(folder: Path) -> str:
    """Return a short hash of all files that may decide what a model computes, by name and content.

    Those below the folder count too, such as an encoder of questions or a rescorer.
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".safetensors", ".txt", ".model"):
            digest.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


@lru_cache(maxsize=16)
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for path, _, _ in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()
