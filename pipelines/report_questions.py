"""The list of questions in a report: what the page's script shows, as plain data.

Texts stand once, however many questions share a passage. Marks are half-open ranges in UTF-16
code units, as JavaScript counts, with 1 for the answer given, 2 for a right answer, 3 for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from pipelines.answer_places import Range, answer_places

LISTED = 2000
"""The most questions that a page lists."""

Record = Mapping[str, Any]
Mark = tuple[int, int, int]


def question_list(records: Sequence[Record], *, patterns: bool = False) -> dict[str, Any]:
    """Return the questions, evenly spaced where there are too many, and their passages."""
    chosen = _evenly(records, LISTED)
    texts: dict[str, int] = {}
    passages: list[dict[str, str]] = []

    def number(title: str, document: str, text: str) -> int:
        key = f"{document}\0{title}\0{text}"
        if key not in texts:
            texts[key] = len(passages)
            passages.append({"title": title, "document": document, "text": text})
        return texts[key]

    questions = []
    for record in chosen:
        shown = []
        for passage in _passages(record):
            text = passage["text"]
            gold = answer_places(record["answers"], text, patterns=patterns)
            shown.append(
                {
                    "rank": passage["rank"],
                    "text": number(passage["title"], passage["document_id"], text),
                    "marks": marks(text, passage["answer"], gold),
                }
            )
        questions.append(
            {
                "question": record["question"],
                "answers": record["answers"],
                "right": _is_right(record),
                "kind": record["category"]["kind"],
                "passages": shown,
            }
            | {
                name: record[name]
                for name in ("prediction", "probability", "fault", "rank")
                if record.get(name) is not None
            }
        )
    return {"total": len(records), "questions": questions, "passages": passages}


def _evenly(records: Sequence[Record], most: int) -> Sequence[Record]:
    if len(records) <= most:
        return records
    return [records[i * len(records) // most] for i in range(most)]


def _is_right(record: Record) -> bool:
    """Whether the answer is right; for retrieval, whether the first passage is."""
    if "exact_match" in record:
        return bool(record["exact_match"])
    return bool(record["rank"] == 1)


def _passages(record: Record) -> list[dict[str, Any]]:
    """Return the passages of a record with the range of the answer given in each, or None."""
    if "context" in record:
        text, span = record["context"], record["span"]
        own = {"rank": 1, "title": "", "document_id": "", "text": text}
        return [own | {"answer": (span[0], span[1]) if span else None}]
    citation = record.get("citation")
    found = []
    for passage in record["passages"]:
        answer = None
        if citation and citation["passage_id"] == passage["id"]:
            answer = (citation["start"] - passage["start"], citation["end"] - passage["start"])
        found.append({**passage, "answer": answer})
    return found


def marks(text: str, answer: Range | None, gold: Sequence[Range]) -> list[Mark]:
    """Return disjoint marks of the answer given and of the right ones, in order."""
    ranges = [(start, end, 2) for start, end in gold]
    if answer is not None:
        ranges.append((*answer, 1))
    cuts = sorted({place for start, end, _ in ranges for place in (start, end)})
    found = []
    for start, end in pairwise(cuts):
        kind = 0
        for first, last, own in ranges:
            if first <= start and end <= last:
                kind |= own
        if kind:
            found.append((_utf16(text, start), _utf16(text, end), kind))
    return found


def _utf16(text: str, place: int) -> int:
    """Return how many UTF-16 code units stand before a code point."""
    return place + sum(character > "\uffff" for character in text[:place])
