"""JSON of people's question files: decoded lines, lines of JSON, and SQuAD's nesting.

Every error names the file and the line, or the place in the nesting.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexing.compression import DamagedArchive, open_stream
from indexing.errors import InputError

Record = Mapping[str, Any]
Placed = tuple[str, Record]
"""A record and where it stands: `file:line` or the like."""


@dataclass(frozen=True, slots=True)
class SquadParagraph:
    """A paragraph as it stands in the file, with the number and the title of its article.

    `questions` come with their places. Those that are impossible have an empty list of answers.
    """

    place: str
    article: int
    title: Any
    context: Any
    questions: list[Placed]


def decoded_lines(path: Path) -> Iterator[str]:
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


def json_lines(path: Path, lines: Iterable[str]) -> Iterator[Placed]:
    """Yield the objects of a JSONL file; empty lines are passed over."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{place}: this line is not a JSON object ({error}).") from error
        yield place, json_object(record, place)


def json_document(path: Path, text: str) -> Any:
    """Return the one JSON value of a file."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: this is not JSON ({error.msg}).") from error
    except RecursionError as error:
        raise InputError(f"{path}: this JSON is nested too deeply.") from error


def squad_paragraphs(path: Path, found: Any) -> Iterator[SquadParagraph]:
    """Yield the paragraphs of SQuAD's nesting, `found` in a file."""
    data = found.get("data") if isinstance(found, dict) else None
    for a, article in enumerate(_list(data, f"{path}: 'data'")):
        where = f"{path}: data[{a}]"
        fields = json_object(article, where)
        for p, paragraph in enumerate(_list(fields.get("paragraphs"), f"{where}.paragraphs")):
            place = f"{where}.paragraphs[{p}]"
            own = json_object(paragraph, place)
            questions = list(_questions(own.get("qas"), f"{place}.qas"))
            yield SquadParagraph(place, a, fields.get("title"), own.get("context"), questions)


def _questions(qas: object, where: str) -> Iterator[Placed]:
    for q, question in enumerate(_list(qas, where)):
        place = f"{where}[{q}]"
        record = json_object(question, place)
        # SQuAD 2.0 omits the answers of some of its unanswerable questions.
        yield place, {**record, "answers": []} if record.get("is_impossible") else record


def json_object(value: object, place: str) -> Record:
    """Return a JSON object as it is; anything else is an error."""
    if not isinstance(value, Mapping):
        raise InputError(f"{place}: here must be a JSON object with a question.")
    return value


def record_text(record: Record, field: str, place: str) -> str:
    """Return a text of a record; one that is missing or blank is an error."""
    value = record.get(field)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{place}: {field!r} is missing or is not a text.")
    return value


def _list(value: object, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{place} must be a list, as in SQuAD's JSON or in JSONL of questions.")
    return value
