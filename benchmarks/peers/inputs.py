"""What every system gets: the same passages, the same questions, the same pairs to read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from indexing.corpus import CorpusOptions, read_documents
from indexing.problems import Problems
from indexing.splitting import SplitSettings, split
from pipelines.question_records import read_records
from pipelines.questions import Question, load_questions

_One = TypeVar("_One")


def spread(items: Sequence[_One], limit: int | None) -> list[_One]:
    """Return `limit` items, evenly spaced: neighbours in a file are often alike."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[i * len(items) // limit] for i in range(limit)]


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    """Write a JSONL file."""
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text(text, encoding="utf-8")
    return path


def choose_questions(source: Path, limit: int | None) -> tuple[list[Question], set[str]]:
    """Return questions, and the documents that a question file names as answering them."""
    questions = spread(load_questions(source), limit)
    wanted = {question.id for question in questions}
    records = (record for _, record in read_records(source) if str(record.get("id")) in wanted)
    return questions, {str(r["document_id"]) for r in records if r.get("document_id") is not None}


def choose_passages(source: Path, limit: int | None, first: set[str]) -> dict[str, dict[str, str]]:
    """Cut a corpus into passages; of at most `limit`, those of the documents in `first` lead.

    Each passage is a record of its own, by id. None is longer than a hundred words, so that no
    system that splits texts splits it again.
    """
    leading: dict[str, dict[str, str]] = {}
    others: dict[str, dict[str, str]] = {}
    for document in read_documents([source], CorpusOptions(), Problems(strict=False)):
        target = leading if document.id in first else others
        if limit is not None and target is others and len(others) >= limit:
            continue
        for start, end in split(document, SplitSettings()):
            id_ = f"{document.id}:{start}"
            target[id_] = {"id": id_, "title": document.title, "text": document.text[start:end]}
    return dict(list((leading | others).items())[:limit])
