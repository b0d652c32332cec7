"""The answers of a question's record, and where in its own paragraph they stand."""

from __future__ import annotations

from typing import Any

from pipelines.answer_places import Range, answer_places


def answer_texts(given: Any) -> tuple[str, ...]:
    """Return the distinct answers of a record's `answer` or `answers`, of whatever form."""
    found = given.get("text", []) if isinstance(given, dict) else given
    found = [found] if isinstance(found, str) else found or []
    texts = [one.get("text") if isinstance(one, dict) else one for one in found]
    return tuple(dict.fromkeys(t for t in texts if isinstance(t, str) and t.strip()))


def gold_places(given: Any, context: str) -> list[Range]:
    """Return the places that the source itself gives, if they hold what it says, or a search's."""
    return _given_places(given, context) or answer_places(answer_texts(given), context)


def _given_places(given: Any, context: str) -> list[Range]:
    if isinstance(given, dict):
        pairs = list(zip(given.get("text", []), given.get("answer_start", []), strict=False))
    elif isinstance(given, list):
        pairs = [(one["text"], one["answer_start"]) for one in given if isinstance(one, dict)]
    else:
        pairs = []
    places = {(start, start + len(text)) for text, start in pairs}
    texts = {text for text, _ in pairs}
    return sorted((start, end) for start, end in places if context[start:end] in texts)


def record_title(record: Any) -> str:
    """Return the title of a record's article, in words; empty if it has none."""
    from reader.training_data import usable_title

    return usable_title(record.get("title"))
