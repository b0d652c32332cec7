"""The answers of a question's record, and where in its own paragraph they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from indexing.json_files import Record
from pipelines.answer_places import Range, answer_places


def given_answers(record: Record) -> Any:
    """Return what a record gives as its right answers, of whatever form."""
    return record.get("answer", record.get("answers"))


def answer_list(given: Any) -> list[Any] | None:
    """Return one answer, a list of them, or the mappings of SQuAD and TriviaQA as a list.

    It is None if there is no such thing; what stands in it may still be no texts.
    """
    if isinstance(given, str):
        return [given]
    if isinstance(given, Mapping):
        found = answer_list(given.get("text", given.get("aliases")))
        value = given.get("value")
        return [value, *(found or [])] if isinstance(value, str) else found
    if isinstance(given, list):
        return [one.get("text") if isinstance(one, Mapping) else one for one in given]
    return None


def answer_texts(given: Any) -> tuple[str, ...]:
    """Return the distinct answers among what `given_answers` returns that are texts."""
    texts = answer_list(given) or []
    return tuple(dict.fromkeys(t for t in texts if isinstance(t, str) and t.strip()))


def gold_places(given: Any, context: str) -> list[Range]:
    """Return the places that the source itself gives, if they hold what it says, or a search's."""
    return _given_places(given, context) or answer_places(answer_texts(given), context)


def _given_places(given: Any, context: str) -> list[Range]:
    pairs = [
        (text, start)
        for text, start in _texts_with_starts(given)
        if isinstance(text, str) and isinstance(start, int)
    ]
    places = {(start, start + len(text)) for text, start in pairs}
    texts = {text for text, _ in pairs}
    return sorted((start, end) for start, end in places if context[start:end] in texts)


def _texts_with_starts(given: Any) -> list[tuple[Any, Any]]:
    if isinstance(given, Mapping):
        texts, starts = given.get("text"), given.get("answer_start")
        if isinstance(texts, list) and isinstance(starts, list):
            return list(zip(texts, starts, strict=False))
        return [(texts, starts)]
    if isinstance(given, list):
        return [(o.get("text"), o.get("answer_start")) for o in given if isinstance(o, Mapping)]
    return []


def record_title(record: Any) -> str:
    """Return the title of a record's article, in words; empty if it has none."""
    from reader.training_data import usable_title

    return usable_title(record.get("title"))
