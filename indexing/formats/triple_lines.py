"""Triples one a line: three fields separated by tabs, commas or `|`. MetaQA's kb.txt is such."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from indexing.formats.source import SourceFile, reporting_damage
from indexing.graph.triples import Triple
from indexing.normalising import normalise
from indexing.problems import Problems

DELIMITERS = "\t|,"
_LONGEST_NAME = 200  # characters; what is longer is a text, not the name of an entity
_HEADERS = frozenset(("subject", "head", "entity", "s", "from", "source"))


def read_triple_lines(file: SourceFile, kind: str, problems: Problems) -> Iterator[Triple]:
    """Read subject, relation and object; a header (`subject`, `head`, ...) is passed over."""
    del kind
    line = 0
    delimiter = ""
    with reporting_damage(file, problems, lambda: line + 1), file.open() as stream:
        for line, raw in enumerate(stream, 1):
            try:
                text = normalise(raw.decode("utf-8")).rstrip("\n")
            except UnicodeDecodeError:
                problems.report(file.label, line, "invalid UTF-8", "convert it to UTF-8")
                continue
            if not text.strip():
                continue
            if not delimiter:
                delimiter = delimiter_of(text)
                if is_header(fields(text, delimiter)):
                    continue
            cells = [cell.strip() for cell in fields(text, delimiter)]
            if len(cells) != 3 or not all(cells):
                detail = f"{len(cells)} fields, not 3" if len(cells) != 3 else "an empty field"
                problems.report(file.label, line, "malformed triple", detail)
                continue
            yield Triple(cells[0], cells[1], cells[2], literal=len(cells[2]) > _LONGEST_NAME)


def delimiter_of(line: str) -> str:
    """Return the delimiter of a line of three fields, tabs first: names hold commas."""
    return next((one for one in DELIMITERS if len(fields(line, one)) == 3), "\t")


def fields(line: str, delimiter: str) -> list[str]:
    """Cut a line; commas may stand in quotes, and so may quoted fields between tabs."""
    if delimiter == "|" or '"' not in line:
        return line.split(delimiter)
    plain = line.split(delimiter)
    if delimiter == "\t" and len(plain) == 3 and not any(_is_quoted(cell) for cell in plain):
        return plain  # a name with a quote in it
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        return plain


def is_header(cells: list[str]) -> bool:
    """Whether the first line names columns."""
    return cells[0].strip().casefold() in _HEADERS


def _is_quoted(cell: str) -> bool:
    return len(cell) > 1 and cell.startswith('"') and cell.endswith('"')
