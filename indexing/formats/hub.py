"""Data sets of the Hugging Face hub by name, streamed by `datasets`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from indexing.errors import InputError
from indexing.formats.fields import RecordReader
from indexing.formats.source import CorpusOptions, Located, require
from indexing.problems import Problems

PREFIX = "hf:"


@dataclass(frozen=True, slots=True)
class HubSource:
    """A data set: `hf:NAME`, `hf:NAME:CONFIG` or `hf:NAME:CONFIG:SPLIT`; CONFIG may be empty."""

    dataset: str
    config: str | None = None
    split: str | None = None

    @property
    def label(self) -> str:
        """What messages call it, and what ids begin with where records have none."""
        return ":".join((PREFIX + self.dataset, *filter(None, (self.config, self.split))))

    @property
    def name(self) -> str:
        """The prefix of ids that are made up."""
        return self.dataset


def parse_hub_source(source: str) -> HubSource:
    """Understand `hf:NAME[:config[:split]]`."""
    parts = source.removeprefix(PREFIX).split(":")
    if not parts[0] or len(parts) > 3:
        raise InputError(f"{source!r} is not a data set: write hf:NAME, or hf:NAME:CONFIG:SPLIT.")
    name, config, split = (*parts, "", "")[:3]
    return HubSource(name, config or None, split or None)


def read_hub(source: HubSource, options: CorpusOptions, problems: Problems) -> Iterator[Located]:
    """Read one document a row, split after split; the "line" of a row is its number in all."""
    datasets = require("datasets", "datasets", source.label)
    try:
        found = datasets.load_dataset(
            source.dataset, source.config, split=source.split, streaming=True
        )
    except Exception as error:  # hub, network and script errors have no base class
        first = str(error).strip().split("\n", 1)[0] or type(error).__name__
        raise InputError(f"Cannot load the data set {source.label}: {first}") from error
    splits: list[Any] = list(found.values()) if isinstance(found, dict) else [found]
    reader = RecordReader(source, options.fields, problems)
    row = 0
    for split in splits:
        for record in split:
            row += 1
            document = reader.document(record, row)
            if document is not None:
                yield row, document
