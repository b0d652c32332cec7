"""From records (rows, JSON objects) to documents: which field is what."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from indexing.documents import Document
from indexing.formats.source import FieldNames
from indexing.normalising import normalise
from indexing.problems import Problems

_GUESSES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "_id", "docid", "doc_id"),
    "title": ("title",),
    "text": ("text", "contents", "body", "content", "passage"),
    "url": ("url", "link"),
}
_METADATA = "metadata"  # BEIR's and others' object of further fields


@dataclass(frozen=True, slots=True)
class ResolvedFields:
    """The fields of one kind of record; None where it has no such field."""

    id: str | None
    title: str | None
    text: str | None
    url: str | None

    @property
    def known(self) -> frozenset[str | None]:
        """All of them."""
        return frozenset((self.id, self.title, self.text, self.url, None))


def resolve(keys: Collection[str], names: FieldNames) -> ResolvedFields:
    """Find each field among a record's keys: the user's name, else a guess in any case."""
    by_folded = {key.strip().casefold(): key for key in reversed(list(keys))}

    def find(name: str, chosen: str | None) -> str | None:
        if chosen is not None:
            return chosen if chosen in keys else None
        return next((by_folded[guess] for guess in _GUESSES[name] if guess in by_folded), None)

    return ResolvedFields(
        id=find("id", names.id),
        title=find("title", names.title),
        text=find("text", names.text),
        url=find("url", names.url),
    )


def _as_text(value: object) -> str | None:
    """Return a field's value as text; a list of strings is paragraphs; None is no text."""
    if isinstance(value, str):
        return normalise(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return normalise("\n".join(value))
    return None


def _as_scalar(value: object) -> str:
    """Return a string, number or truth value as a string, and anything else as nothing."""
    if isinstance(value, str):
        return normalise(value).strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    return ""


class RecordSource(Protocol):
    """What records come from: `label` for messages, `name` for ids that are made up."""

    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102


class RecordReader:
    """Turns the records of one file into documents and reports those that cannot be.

    If a file's first record has no id, none of them need one: `name#line` is the id then. With
    `lines`, records are lines of fields, which may be triples instead.
    """

    def __init__(
        self, source: RecordSource, names: FieldNames, problems: Problems, *, lines: bool = False
    ) -> None:
        self._source = source
        self._lines = lines
        self._names = names
        self._problems = problems
        self._keys: tuple[str, ...] | None = None
        self._fields = ResolvedFields(None, None, None, None)
        self._has_ids: bool | None = None

    def document(self, record: Mapping[str, object], line: int) -> Document | None:
        """Return the document of a record that starts at `line`, or report why there is none."""
        keys = tuple(record)
        if keys != self._keys:
            self._keys, self._fields = keys, resolve(keys, self._names)
        fields = self._fields
        if fields.text is None or record[fields.text] is None:
            self._missing(line, "text", self._names.text)
            return None
        text = _as_text(record[fields.text])
        if text is None:
            self._problems.report(self._source.label, line, f"field {fields.text!r} is not text")
            return None
        if not text or text.isspace():
            self._problems.report(self._source.label, line, "empty text")
            return None
        document_id = _as_scalar(record[fields.id]) if fields.id is not None else ""
        if self._has_ids is None:
            self._has_ids = bool(document_id) or self._names.id is not None
        if not document_id:
            if self._has_ids:
                self._missing(line, "id", self._names.id)
                return None
            document_id = f"{self._source.name}#{line}"
        metadata = _metadata(record, fields)
        url = _as_scalar(record[fields.url]) if fields.url is not None else ""
        return Document(
            id=document_id,
            title=_as_scalar(record[fields.title]) if fields.title is not None else "",
            text=text,
            url=url or (metadata.pop("url", "") if self._names.url is None else ""),
            metadata=metadata,
        )

    def _missing(self, line: int, field: str, chosen: str | None) -> None:
        present = ", ".join(key[:30] for key in (self._keys or ())[:8]) or "none"
        detail = f"has {present}; choose with --{field}-field"
        if self._lines and field == "text" and len(self._keys or ()) == 3:
            detail += ", or --format triples"
        reason = f"missing field {chosen or field!r}"
        self._problems.report(self._source.label, line, reason, detail)


def _metadata(record: Mapping[str, object], fields: ResolvedFields) -> dict[str, str]:
    """Return a record's further fields, as far as they are strings or numbers."""
    known = fields.known
    found: dict[str, str] = {}
    for key, value in record.items():
        if key in known:
            continue
        if key == _METADATA and isinstance(value, dict):
            found.update(
                (normalise(str(name)), scalar)
                for name, v in value.items()
                if (scalar := _as_scalar(v))
            )
        elif scalar := _as_scalar(value):
            found[normalise(key)] = scalar
    return found
