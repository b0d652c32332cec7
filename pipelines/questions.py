"""Question sets: open questions with their answers, and questions about one given text each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from indexing.compression import without_suffix
from indexing.errors import InputError
from indexing.json_files import Record, decoded_lines, record_text
from pipelines.gold_answers import answer_list, given_answers
from pipelines.metrics import SquadVersion
from pipelines.question_records import read_records

_ID_FIELDS = ("id", "qid", "_id", "question_id")


@dataclass(frozen=True, slots=True)
class Question:
    """An open question. Any of its answers is right; without any, nothing answers it.

    `documents` are the ids of documents known to answer it, where the file names any.
    """

    id: str
    text: str
    answers: tuple[str, ...]
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadingExample:
    """A question about its context; no answers mean that the context does not answer it."""

    id: str
    question: str
    context: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadingSet:
    """Examples, and the SQuAD version by whose script they are scored."""

    examples: tuple[ReadingExample, ...]
    version: SquadVersion


def load_questions(source: Path | str, *, unanswerable: bool = False) -> list[Question]:
    """Load open questions from a file, a folder or a data set's name.

    Questions without an answer are left out, unless `unanswerable` asks for those with an empty
    list of answers. Even then SQuAD 2.0's are left out: it is their own paragraph that does not
    answer them, and another may.
    """
    questions = []
    for place, id_, record in _with_ids(source):
        given = _answers(record, place)
        answers = tuple(dict.fromkeys(a for a in given if a.strip()))
        if answers or (unanswerable and not given and "context" not in record):
            text = record_text(record, "question", place).strip()
            questions.append(Question(id_, text, answers, _documents(record)))
    if not questions:
        raise InputError(f"{source}: this holds no question with an answer.")
    return questions


def load_question_texts(source: Path | str) -> list[str]:
    """Load questions alone, whatever answers stand beside them.

    From any question file, or from a text file (.txt) with a question a line.
    """
    path = Path(source)
    if path.is_file() and without_suffix(path.name).lower().endswith(".txt"):
        texts = [text for line in decoded_lines(path) if (text := line.strip())]
    else:
        records = read_records(source)
        texts = [record_text(record, "question", place).strip() for place, record in records]
    if not texts:
        raise InputError(f"{source}: this holds no question.")
    return texts


def load_reading(source: Path | str) -> ReadingSet:
    """Load questions with their contexts from SQuAD-type JSON or a data set of its schema.

    The set counts as version 2.0 if it says of its questions whether they are impossible, or if
    a question has no answers.

    Raises:
        InputError: a record is no question with a context, or its answers are empty texts, as in
            test files whose answers are withheld: whatever is read would count as wrong.
    """
    examples = []
    second = False
    for place, id_, record in _with_ids(source):
        answers = _answers(record, place)
        if answers and not any(answer.strip() for answer in answers):
            if not record.get("is_impossible"):
                raise InputError(
                    f"{place}: the answers are empty texts, as where a test file's answers are "
                    "withheld; there is nothing to score by."
                )
            answers = ()
        context = record_text(record, "context", place)
        examples.append(
            ReadingExample(id_, record_text(record, "question", place), context, answers)
        )
        second = second or not answers or record.get("is_impossible") is not None
    if not examples:
        raise InputError(f"{source}: this holds no question.")
    return ReadingSet(tuple(examples), "2.0" if second else "1.1")


def _with_ids(source: Path | str) -> Iterator[tuple[str, str, Record]]:
    """Yield place, id and record.

    Without an id the record's number, from 0, is its id. An id that comes again, as in some
    conversions of TyDi QA, gets "#2" and so on, so that each question keeps its own result.
    """
    seen: Counter[str] = Counter()
    for number, (place, record) in enumerate(read_records(source)):
        given = next((record[name] for name in _ID_FIELDS if record.get(name) is not None), number)
        id_ = str(given)
        seen[id_] += 1
        yield place, id_ if seen[id_] == 1 else f"{id_}#{seen[id_]}", record


def _documents(record: Record) -> tuple[str, ...]:
    """Understand `document_id` (one) or `document_ids` (a list)."""
    one, several = record.get("document_id"), record.get("document_ids")
    found = several if isinstance(several, list) else [] if one is None else [one]
    return tuple(dict.fromkeys(str(name) for name in found))


def _answers(record: Record, place: str) -> tuple[str, ...]:
    found = answer_list(given_answers(record))
    if found is None or not all(isinstance(one, str) for one in found):
        raise InputError(
            f"{place}: 'answer' (or 'answers') must be a text or a list of right texts."
        )
    return tuple(found)
