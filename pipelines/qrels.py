"""Which passages or documents are right for which question, and rankings of them, from files.

The forms are those of TREC: qrels lines `question 0 item grade`, run lines
`question Q0 item rank score tag`. BEIR's qrels (a heading, then `question item grade` with tabs)
are understood too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from indexing.errors import InputError
from pipelines.questions import Question
from retriever.hits import Hit

Grades = Mapping[str, int]
"""The items judged for one question; those above 0 are right."""
Unit = Literal["documents", "passages"]
UNITS: tuple[Unit, ...] = get_args(Unit)
HitRow = tuple[int, float, str]
"""A hit as records keep it: its passage's id, its score, its document's id."""


def any_right(grades: Grades) -> bool:
    """Whether an item is right: only then can a ranking be scored by these judgements."""
    return any(grade > 0 for grade in grades.values())


def hit_rows(hits: Iterable[Hit]) -> list[HitRow]:
    """Return hits as records keep them."""
    return [(hit.passage.id, hit.score, hit.passage.document_id) for hit in hits]


def ranked_items(rows: Iterable[HitRow], unit: Unit) -> dict[str, float]:
    """Return the items of hits in their order, with scores.

    A document stands where its first passage is.
    """
    found: dict[str, float] = {}
    for passage, score, document in rows:
        found.setdefault(str(passage) if unit == "passages" else document, score)
    return found


@dataclass(frozen=True, slots=True)
class Gold:
    """The right items by question id, and whether they are documents or passages."""

    grades: Mapping[str, Grades]
    unit: Unit = "documents"

    def ranked(self, hits: Sequence[Hit]) -> list[str]:
        """Return the items of hits in their order."""
        return list(ranked_items(hit_rows(hits), self.unit))

    def judges(self, question: str) -> bool:
        """Whether an item is right for the question of this id."""
        return any_right(self.grades.get(question, {}))


def gold_of(questions: Sequence[Question]) -> Gold | None:
    """Return the documents that the questions themselves name as right; None if none does."""
    grades = {q.id: dict.fromkeys(q.documents, 1) for q in questions if q.documents}
    return Gold(grades) if grades else None


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Read judgements by question id.

    Raises:
        InputError: a line is not of the form, or nothing is right.
    """
    grades: dict[str, dict[str, int]] = {}
    for number, fields in _fields(path):
        if number == 1 and fields[0] in {"query-id", "qid"}:
            continue
        if len(fields) == 3:
            question, item, grade = fields
        elif len(fields) == 4:
            question, _, item, grade = fields
        else:
            raise InputError(f"{path}:{number}: write `question 0 item grade`, as in TREC's qrels.")
        try:
            grades.setdefault(question, {})[item] = int(grade)
        except ValueError as error:
            raise InputError(f"{path}:{number}: the grade {grade!r} is no whole number.") from error
    if not any(map(any_right, grades.values())):
        raise InputError(f"{path}: this judges nothing as right (a grade above 0).")
    return grades


def read_run(path: Path) -> dict[str, list[str]]:
    """Read rankings by question id, in trec_eval's order: by score, ties by the greater id.

    The rank column is not looked at, as trec_eval does not.

    Raises:
        InputError: a line is not of the form.
    """
    scored: dict[str, list[tuple[float, str]]] = {}
    for number, fields in _fields(path):
        try:
            question, _, item, _, score, _ = fields
            scored.setdefault(question, []).append((float(score), item))
        except ValueError as error:
            raise InputError(
                f"{path}:{number}: write `question Q0 item rank score tag`, as in TREC's runs."
            ) from error
    return {
        question: list(dict.fromkeys(item for _, item in sorted(own, reverse=True)))
        for question, own in scored.items()
    }


def _fields(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if fields := line.split():
                    yield number, fields
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: this is not UTF-8; convert the file.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}.") from error
