"""Triples one a line: three fields separated by tabs, commas or `|`. MetaQA's kb.txt is such."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence

from indexing.formats.fields import resolve
from indexing.formats.source import FieldNames, SourceFile, reporting_damage
from indexing.graph.triples import Triple
from indexing.normalising import normalise
from indexing.problems import Problems

DELIMITERS = "\t|,"
_LONGEST_NAME = 200  # characters; what is longer is a text, not the name of an entity
_LINES = 50  # looked at to recognise a file
_HEADER = tuple(
    frozenset(words.split())
    for words in (
        "subject head entity s h from source",
        "predicate relation relationship property attribute edge type label p r rel",
        "object tail o t to target value",
    )
)
# A relation's name as graphs spell it: born_in, birthPlace, /film/directed_by.
_CODED = re.compile(r"(?=\S*[^\W\d_])(?=\S*(?:[_:/]|[a-z][A-Z]))\S+")
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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


def is_header(cells: Sequence[str]) -> bool:
    """Whether the first line names the columns of triples: subject, relation, object."""
    return len(cells) == 3 and all(
        cell.strip().casefold() in words for cell, words in zip(cells, _HEADER, strict=True)
    )


def holds_triples(head: bytes, kind: str, *, whole: bool) -> bool:
    """Whether a file's first bytes are triples of names, not records with a header.

    All lines have three fields, and either the header says so, or they look like triples. In
    files of text without such a header only `|` and tabs count. `whole` says that there are no
    further bytes.
    """
    if head.startswith(_MARKS):
        return False
    lines = head.decode("utf-8", "replace").splitlines()
    lines = [line for line in (lines if whole else lines[:-1]) if line.strip()][:_LINES]
    delimiter = delimiter_of(lines[0]) if lines else ","
    rows = [fields(line, delimiter) for line in lines]
    good = [row for row in rows if len(row) == 3]
    if not rows or len(rows[0]) != 3 or len(good) < 0.9 * len(rows):
        return False
    if resolve(rows[0], FieldNames()).known != {None}:
        return False
    return is_header(rows[0]) or (
        not (kind == "text" and delimiter == ",") and _are_triples(good, likely=kind == "tsv")
    )


def _are_triples(rows: Sequence[list[str]], *, likely: bool) -> bool:
    """Whether lines without a header, or with one that says nothing, are triples.

    The third field is short, and the second, which names relations, comes again and again. A
    column of a table may be such, too, but its name, in the first line, does not come again. Else
    the first line must not look like names of columns, and all relations be spelled as graphs
    spell them, unless triples are `likely` anyway.
    """
    relations = [row[1] for row in rows]
    repeated = len(rows) < 10 or len(set(relations)) <= len(rows) / 2
    if not repeated or sum(len(row[2]) for row in rows) >= 100 * len(rows):
        return False
    if relations.count(relations[0]) > 1:
        return True
    coded = all(_CODED.fullmatch(relation.strip()) for relation in relations)
    return (likely or coded) and not _look_like_names_of_columns(rows[0])


def _look_like_names_of_columns(cells: Sequence[str]) -> bool:
    """Whether all cells are words, and all begin alike: `name, phone` or `Name, Phone`."""
    bare = [cell.strip() for cell in cells]
    words = all(cell.replace("_", " ").replace(" ", "").isalpha() for cell in bare)
    return words and len({cell[0].isupper() for cell in bare}) == 1


def _is_quoted(cell: str) -> bool:
    return len(cell) > 1 and cell.startswith('"') and cell.endswith('"')
