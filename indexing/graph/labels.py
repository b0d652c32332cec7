"""Names of entities: which triples are labels, and files of labels."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from indexing.compression import DamagedArchive, open_stream
from indexing.errors import InputError
from indexing.graph.triples import RDFS, Triple, language_rank

# The lower, the better; each is above all language ranks.
_PROPERTIES = {
    "http://www.w3.org/2004/02/skos/core#prefLabel": 0,
    RDFS + "label": 0,
    "http://schema.org/name": 100,
    "https://schema.org/name": 100,
    "http://xmlns.com/foaf/0.1/name": 200,
    "http://purl.org/dc/terms/title": 300,
    "http://purl.org/dc/elements/1.1/title": 300,
}
LABEL = RDFS + "label"
ALIAS = "http://www.w3.org/2004/02/skos/core#altLabel"
_OTHER_LANGUAGE = 1000
GIVEN = -1
"""The rank of labels from the user's own files."""


def label_rank(triple: Triple, languages: tuple[str, ...]) -> int | None:
    """Return the rank of a triple as a label, the lowest being best; None if it is none.

    A label in another language is better than none.
    """
    rank = _PROPERTIES.get(triple.relation)
    if rank is None or not triple.literal:
        return None
    welcome = language_rank(triple.language, languages)
    return rank + (_OTHER_LANGUAGE if welcome is None else welcome)


def read_label_table(path: Path) -> Iterator[tuple[str, str]]:
    """Read a file of two columns, key and label, separated by tabs or commas.

    Raises:
        InputError: the file cannot be read, or a row has not two columns.
    """
    try:
        with open_stream(path, lambda _: None) as stream:
            lines = (line.decode("utf-8-sig") for line in stream)
            first = next(lines, "")
            every = _chained(first, lines)
            if "\t" in first:  # there a quote is a character like others
                rows = csv.reader(every, delimiter="\t", quoting=csv.QUOTE_NONE)
            else:
                rows = csv.reader(every)
            for row in rows:
                if not row:
                    continue
                if len(row) != 2 or not row[0] or not row[1].strip():
                    raise InputError(
                        f"{path}:{rows.line_num}: a row of labels is a key, a tab, and its label."
                    )
                yield row[0].strip("<>"), row[1]
    except (OSError, UnicodeDecodeError, DamagedArchive, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as labels ({error}).") from error


def _chained(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines
