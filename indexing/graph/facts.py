"""What a document of a graph keeps beside its text: which triples each sentence tells.

It lies in the document's metadata under `facts`, as JSON: one list a sentence, `[start, end,
subject, relation, forward, mentions]`. A mention is `[start, end, key]`, or with the triples it
needs beside its own, `[start, end, key, [[subject, relation, object], ...]]`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from indexing.documents import Document

FACTS = "facts"
ENTITY = "entity"

Statement = tuple[str, str, str]
"""Subject, relation and object, as in the source."""


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity or a value in a sentence; the range is one of the document's text.

    `literal` values have no document of their own. `also` are further triples that it stands on:
    those inside a blank node, or those that lead to the sentence's subject.
    """

    start: int
    end: int
    key: str
    literal: bool = False
    also: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One sentence: a relation of `subject`, and all that is at its other end.

    With `forward`, `subject` is the triples' subject, else their object.
    """

    start: int
    end: int
    subject: str
    relation: str
    forward: bool
    mentions: tuple[Mention, ...]

    def statements(self, mention: Mention) -> tuple[Statement, ...]:
        """Return the triples that a mention stands on."""
        ends = (self.subject, mention.key) if self.forward else (mention.key, self.subject)
        return ((ends[0], self.relation, ends[1]), *mention.also)


def is_graph_document(document: Document) -> bool:
    """Whether a document was told from a graph."""
    return FACTS in document.metadata


def encode(facts: Sequence[Fact]) -> str:
    """Return facts as the text that goes into the metadata."""
    return json.dumps(
        [
            [f.start, f.end, f.subject, f.relation, int(f.forward), [_row(m) for m in f.mentions]]
            for f in facts
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _row(mention: Mention) -> list[object]:
    row: list[object] = [mention.start, mention.end, mention.key, int(mention.literal)]
    return [*row, mention.also] if mention.also else row


def facts_of(document: Document) -> tuple[Fact, ...]:
    """Return the facts of a document; none if it is no graph's."""
    text = document.metadata.get(FACTS)
    if text is None:
        return ()
    return tuple(
        Fact(start, end, subject, relation, bool(forward), tuple(_mention(row) for row in rows))
        for start, end, subject, relation, forward, rows in json.loads(text)
    )


def _mention(row: Sequence[Any]) -> Mention:
    start, end, key, literal, *also = row
    return Mention(
        start, end, key, bool(literal), tuple((s, r, o) for s, r, o in (also[0] if also else ()))
    )


def statements_at(
    facts: Sequence[Fact], start: int, end: int
) -> tuple[tuple[int, int] | None, tuple[Statement, ...]]:
    """Return the sentences around a span of a graph's document, and the triples it stands on.

    Those are the triples of the mentions that the span touches; all of a sentence's where it
    touches none of them (the sentence's subject, say).
    """
    around = [fact for fact in facts if fact.start < end and start < fact.end]
    if not around:
        return None, ()
    found: dict[Statement, None] = {}
    for fact in around:
        touched = [m for m in fact.mentions if m.start < end and start < m.end]
        for mention in touched or fact.mentions:
            found.update(dict.fromkeys(fact.statements(mention)))
    return (min(f.start for f in around), max(f.end for f in around)), tuple(found)
