"""Question files and data sets of every kind, as a stream of records.

A record is a mapping as in JSONL files and hub data sets: `question`, `answer` or `answers`, and
for SQuAD-type data `id`, `title`, `context` and `is_impossible`. Each comes with its place. Lone
surrogates, which JSON can hold and no model or UTF-8 file takes, are U+FFFD; offsets stay.
"""

from __future__ import annotations

import ast
import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from indexing.compression import without_suffix
from indexing.errors import InputError
from indexing.json_files import (
    Placed,
    decoded_lines,
    json_document,
    json_lines,
    json_object,
    squad_paragraphs,
)
from indexing.normalising import replace_surrogates
from pipelines.question_hub import KNOWN_SETS, is_hub_name, read_folder, read_hub


def read_records(source: Path | str) -> Iterator[Placed]:
    """Read a file, a data set's folder, or a data set of the hub, known by name and content."""
    return ((place, _without_surrogates(record)) for place, record in _records(source))


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, list):
        return [_without_surrogates(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _without_surrogates(one) for name, one in value.items()}
    return value


def _records(source: Path | str) -> Iterator[Placed]:
    path = Path(source)
    if path.is_dir():
        return read_folder(path)
    if path.is_file():
        return _read_file(path)
    if is_hub_name(str(source)):
        return read_hub(str(source))
    raise InputError(
        f"{source}: there is no such question file; give a file, a data set's folder, "
        f"hf:NAME:CONFIG:SPLIT, or one of {', '.join(KNOWN_SETS)}."
    )


def _read_file(path: Path) -> Iterator[Placed]:
    lines = decoded_lines(path)
    head = ""
    before: list[str] = []
    for line in lines:  # up to the first line with something in it
        before.append(line)
        head = line.strip()
        if head:
            break
    everything = chain(before, lines)
    kind = Path(without_suffix(path.name)).suffix.lower()
    if kind in {".jsonl", ".ndjson"}:
        return json_lines(path, everything)
    if kind in {".csv", ".tsv"} or head[:1] not in {"{", "["}:
        return _table(path, head, everything)
    if _is_record(head):
        return json_lines(path, everything)
    return _whole_json(path, "".join(everything))


def _is_record(line: str) -> bool:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "data" not in found


def _whole_json(path: Path, text: str) -> Iterator[Placed]:
    """Read one JSON document: SQuAD's nesting, or an array of records."""
    found = json_document(path, text)
    if isinstance(found, list):
        for number, record in enumerate(found):
            place = f"{path}: element {number}"
            yield place, json_object(record, place)
        return
    for paragraph in squad_paragraphs(path, found):
        for place, question in paragraph.questions:
            yield place, {**question, "title": paragraph.title, "context": paragraph.context}


def _table(path: Path, head: str, lines: Iterable[str]) -> Iterator[Placed]:
    """Read DPR's question files: question, then a list of answers in Python's notation."""
    reader = csv.reader(lines, delimiter="\t" if "\t" in head else ",")
    columns: Mapping[str, int] = {"question": 0, "answer": 1}
    first = True
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            place = f"{path}:{reader.line_num}"
            if first:
                first = False
                names = [cell.strip().lower() for cell in row]
                if "question" in names:
                    columns = {name: number for number, name in enumerate(names)}
                    continue
            if len(row) <= max(columns.values()):
                raise InputError(
                    f"{place}: this row has {len(row)} of {max(columns.values()) + 1} columns; "
                    "write the question, a tab, and a list of answers."
                )
            record: dict[str, Any] = {name: row[number] for name, number in columns.items()}
            for name in {"answer", "answers"} & set(columns):
                record[name] = _answer_list(record[name], place)
            yield place, record
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: this row cannot be read ({error}).") from error


def _answer_list(cell: str, place: str) -> object:
    """Understand `["a", "b"]`; anything that does not begin like a list is one answer."""
    cell = cell.strip()
    if not cell.startswith("["):
        return cell
    try:
        return ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise InputError(
            f'{place}: {cell[:60]!r} is not a list of answers; write ["first", "second"].'
        ) from error
