"""Question sets of the Hugging Face hub, and local folders of such data sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from indexing.errors import InputError
from indexing.formats.hub import PREFIX, HubSource, parse_hub_source
from indexing.formats.source import require

KNOWN_SETS: Mapping[str, HubSource] = {
    "nq_open": HubSource("nq_open", None, "validation"),
    "squad": HubSource("squad", None, "validation"),
    "squad_v2": HubSource("squad_v2", None, "validation"),
    "trivia_qa": HubSource("trivia_qa", "rc.nocontext", "validation"),
    "web_questions": HubSource("web_questions", None, "test"),
}
"""Names that need no prefix, each with the configuration and the split that papers report."""

_SPLITS = ("validation", "test", "train")


def is_hub_name(source: str) -> bool:
    """Whether the text names a data set of the hub."""
    return source in KNOWN_SETS or source.startswith(PREFIX)


def read_hub(name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Read a data set by its name, streamed; the split is the one that papers report."""
    source = KNOWN_SETS.get(name) or parse_hub_source(name)
    datasets = require("datasets", "datasets", source.label)
    try:
        rows = datasets.load_dataset(
            source.dataset, source.config, split=source.split or _SPLITS[0], streaming=True
        )
    except Exception as error:  # of hub, network and formats, without a common base
        raise InputError(f"Cannot load the data set {source.label}: {_first(error)}") from error
    return _placed(rows, source.label)


def read_folder(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Read a local data set: a folder by `save_to_disk`, or one with its files a split.

    Of several splits the first of validation, test and train is taken.
    """
    datasets = require("datasets", "datasets", str(folder))
    saved = any((folder / name).is_file() for name in ("dataset_dict.json", "state.json"))
    try:
        if saved:
            found = datasets.load_from_disk(str(folder))
        else:
            found = datasets.load_dataset(str(folder), streaming=True)
    except Exception as error:  # each loader has its own
        raise InputError(f"{folder} is not a data set: {_first(error)}") from error
    if isinstance(found, dict):
        split = next((name for name in _SPLITS if name in found), None)
        if split is None:
            raise InputError(f"{folder} has none of the splits {', '.join(_SPLITS)}.")
        found = found[split]
    return _placed(found, str(folder))


def _placed(rows: Any, label: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, row in enumerate(rows, start=1):
        yield f"{label}, row {number}", row


def _first(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
