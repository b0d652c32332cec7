"""The two things that are indexed: whole documents, and the passages cut from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Document:
    """One text of the user's corpus, as stored: offsets count its Unicode code points.

    `id` is unique in an index. `title` and `url` may be empty. `metadata` holds any further
    fields of the source as strings.
    """

    id: str
    title: str
    text: str
    url: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of one document: `document.text[start:end] == text`, always.

    `id` is a stable number within an index; `start` and `end` are a half-open range of code
    points of the document's text.
    """

    id: int
    document_id: str
    title: str
    text: str
    start: int
    end: int
