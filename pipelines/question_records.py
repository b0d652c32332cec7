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

from indexing.compression import DamagedArchive, open_stream, without_suffix
from indexing.errors import InputError
from indexing.normalising import replace_surrogates
from pipelines.question_hub import KNOWN_SETS, is_hub_name, read_folder, read_hub

Record = Mapping[str, Any]
Placed = tuple[str, Record]
"""A record and where it stands: `file:line` or the like."""


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
    lines = _lines(path)
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
        return _json_lines(path, everything)
    if kind in {".csv", ".tsv"} or head[:1] not in {"{", "["}:
        return _table(path, head, everything)
    if _is_record(head):
        return _json_lines(path, everything)
    return _whole_json(path, "".join(everything))


def _lines(path: Path) -> Iterator[str]:
    """Yield decoded lines with their line ends; name the line that is not UTF-8."""
    number = 0
    try:
        with open_stream(path, lambda _: None) as file:
            for number, line in enumerate(file, start=1):
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{number}: this is not UTF-8; convert the file.") from error
    except DamagedArchive as error:
        raise InputError(f"{path}:{number + 1}: damaged archive: {error}.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}.") from error


def _is_record(line: str) -> bool:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "data" not in found


def _json_lines(path: Path, lines: Iterable[str]) -> Iterator[Placed]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{place}: this line is not a JSON object ({error}).") from error
        yield place, _mapping(record, place)


def _whole_json(path: Path, text: str) -> Iterator[Placed]:
    """Read one JSON document: SQuAD's nesting, or an array of records."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: this is not JSON ({error.msg}).") from error
    except RecursionError as error:
        raise InputError(f"{path}: this JSON is nested too deeply.") from error
    if isinstance(found, list):
        for number, record in enumerate(found):
            place = f"{path}: element {number}"
            yield place, _mapping(record, place)
        return
    data = found.get("data") if isinstance(found, dict) else None
    for a, article in enumerate(_list(data, f"{path}: 'data'")):
        where = f"{path}: data[{a}]"
        fields = _mapping(article, where)
        for p, paragraph in enumerate(_list(fields.get("paragraphs"), f"{where}.paragraphs")):
            own = f"{where}.paragraphs[{p}]"
            yield from _squad_questions(paragraph, fields.get("title"), own)


def _squad_questions(paragraph: object, title: object, where: str) -> Iterator[Placed]:
    shared = _mapping(paragraph, where)
    for q, question in enumerate(_list(shared.get("qas"), f"{where}.qas")):
        place = f"{where}.qas[{q}]"
        record = dict(_mapping(question, place))
        # SQuAD 2.0 omits the answers of some of its unanswerable questions.
        if record.get("is_impossible"):
            record["answers"] = []
        yield place, {**record, "title": title, "context": shared.get("context")}


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
                if "question" in names and {"answer", "answers"} & set(names):
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


def _mapping(value: object, place: str) -> Record:
    if not isinstance(value, Mapping):
        raise InputError(f"{place}: here must be a JSON object with a question.")
    return value


def _list(value: object, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{place} must be a list, as in SQuAD's JSON or in JSONL of questions.")
    return value
