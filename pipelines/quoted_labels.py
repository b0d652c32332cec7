"""Labels by quotation: questions that quote the document that answers them, as a SQuAD-type file.

Nobody has to count characters: a line has `question`, `answer` (right spans, best first),
`document_id`, and `quote`, a piece of the document that stands there once and holds the answers.
Where `quote` is missing or empty, the best answer itself stands in the document once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexing.documents import Passage
from indexing.errors import InputError
from indexing.index import Index
from indexing.problems import Problems
from pipelines.gold_answers import answer_texts, given_answers
from pipelines.question_records import read_records

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """What became of the questions; `unanswered` ones, with an empty list, have no passage."""

    questions: int
    labelled: int
    unanswered: int


def answer_ranges(text: str, quote: str, answers: Sequence[str]) -> list[Range]:
    """Return where the answers stand in the one occurrence of the quote, the best answer first.

    Raises:
        ValueError: the quote does not stand in the text once, or does not hold the best answer.
    """
    times = text.count(quote) if quote else 0
    if times != 1:
        raise ValueError(f"the quote stands {times} times in its document: {quote!r}")
    if answers[0] not in quote:
        raise ValueError(f"the answer {answers[0]!r} does not stand in the quote {quote!r}")
    begin = text.index(quote)
    found = []
    for answer in answers:
        at = quote.find(answer)
        while at >= 0:
            found.append((begin + at, begin + at + len(answer)))
            at = quote.find(answer, at + 1)
    return found


def passage_of(place: Range, passages: Sequence[Passage]) -> Passage | None:
    """Return the passage that holds the range with most text on its shorter side, if one does."""
    start, end = place
    holding = [one for one in passages if one.start <= start and end <= one.end]
    return max(holding, key=lambda one: min(start - one.start, one.end - end), default=None)


def write_labels(source: Path | str, index: Index, out: Path, problems: Problems) -> LabelCounts:
    """Write the questions of a file with their passages of an index, for `qa train`.

    Each document becomes an article, so that a split by document keeps it together.

    Raises:
        InputError: `out` is there already, or no question can be used.
    """
    if out.exists():
        raise InputError(f"{out} is there already; choose another --out")
    articles: dict[str, dict[int, dict[str, Any]]] = {}
    titles: dict[str, str] = {}
    questions = labelled = unanswered = 0
    for place, record in read_records(source):
        questions += 1
        answers = answer_texts(given_answers(record))
        if not answers:
            unanswered += 1
            continue
        try:
            passage, label = _labelled(record, answers, index)
        except ValueError as error:
            problems.report(place, None, "not a label", str(error))
            continue
        labelled += 1
        titles[passage.document_id] = passage.title
        paragraphs = articles.setdefault(passage.document_id, {})
        paragraph = paragraphs.setdefault(passage.id, {"context": passage.text, "qas": []})
        paragraph["qas"].append({"id": str(record.get("id", place)), **label})
    if not labelled:
        reason = problems.kept[0] if problems.kept else f"{source}: no question has an answer"
        raise InputError(f"{reason}; no label is left to write.")
    data = [
        {"title": titles[document], "paragraphs": list(paragraphs.values())}
        for document, paragraphs in articles.items()
    ]
    part = out.with_name(out.name + ".part")
    part.write_text(json.dumps({"data": data}, ensure_ascii=False), encoding="utf-8")
    part.replace(out)
    return LabelCounts(questions, labelled, unanswered)


def _labelled(
    record: Mapping[str, Any], answers: Sequence[str], index: Index
) -> tuple[Passage, dict[str, Any]]:
    """Return a question's passage, and the question with the places of its answers there.

    Raises:
        ValueError: the record cannot be used, and why.
    """
    question, document = _text(record, "question"), _text(record, "document_id")
    blank = not str(record.get("quote") or "").strip()
    quote = answers[0] if blank else _text(record, "quote")
    if document not in index.documents:
        raise ValueError(f"the index holds no document {document!r}")
    row = index.documents.row_of(document)
    text = index.documents.at(row).text
    places = answer_ranges(text, quote, answers)
    passages = index.passages.get(index.passages.of_document(row))
    passage = passage_of(places[0], passages)
    if passage is None:
        raise ValueError(f"no passage of {document!r} holds {answers[0]!r} whole")
    inside = sorted({p for p in places if passage.start <= p[0] and p[1] <= passage.end})
    found = [
        {"text": text[start:end], "answer_start": start - passage.start} for start, end in inside
    ]
    return passage, {"question": question.strip(), "answers": found}


def _text(record: Mapping[str, Any], field: str) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{field!r} is missing or is not a text")
    return value
