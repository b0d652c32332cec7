"""One entity's neighbourhood as a document: a sentence a line, each with its triples.

Every sentence names the entity again, so that a passage of some of them stands alone. The others
of one relation share sentences, `OTHERS` at most in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby

from indexing.documents import Document
from indexing.graph.facts import ENTITY, FACTS, Fact, Mention, Statement, encode
from indexing.graph.labels import ALIAS
from indexing.graph.literals import render
from indexing.graph.names import entity_name, relation_name
from indexing.graph.phrases import Phrase, phrase_for
from indexing.graph.store import Edge, TripleStore
from indexing.graph.templates import Templates, fill
from indexing.graph.triples import RDF, WIKIDATA, is_anonymous, is_iri
from indexing.parts import NEIGHBOURS, part_id

OTHERS = 20
_WORDS = 60  # of the others in one sentence, if there are several
_TRIPLES = 1_000  # of one document
_INNER = 30  # triples of a blank node that are told
_DEPTH = 3  # of blank nodes within blank nodes
_ITEMS = 100  # of an RDF list
_NAMES = 100_000  # kept in memory
_NEIGHBOURS = 25  # told in a two-hop document
_KNOWN = {
    RDF + "type": Phrase("type", "{entity} is a {others}.", "{others} [is a|are] {entity}."),
    WIKIDATA + "P31": Phrase(
        "instance of", "{entity} is a {others}.", "{others} [is a|are] {entity}."
    ),
    ALIAS: Phrase("also known as", "{entity} is also known as {others}.", ""),
}


@dataclass(frozen=True, slots=True)
class _Other:
    """What is said of the other end of an edge."""

    text: str
    key: str
    literal: bool = False
    also: tuple[Statement, ...] = ()


@dataclass(slots=True)
class _Text:
    """A document being written."""

    lines: list[str] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    length: int = 0
    triples: int = 0

    def tell(
        self,
        template: str,
        name: str,
        edge: Edge,
        others: Sequence[_Other],
        path: tuple[Statement, ...],
    ) -> None:
        """Add a sentence; `path` leads from the document's entity to the sentence's."""
        many = len(others) > 1
        before, after = fill(template, name, many)
        mentions = []
        parts = [before]
        place = self.length + len(before)
        for number, other in enumerate(others):
            mentions.append(
                Mention(place, place + len(other.text), other.key, other.literal, other.also + path)
            )
            left = len(others) - number - 1
            joint = "" if not left else " and " if left == 1 else ", "
            parts.append(other.text + joint)
            place += len(parts[-1])
        sentence = "".join(parts) + after
        end = self.length + len(sentence)
        self.lines.append(sentence)
        self.facts.append(
            Fact(self.length, end, edge.node, edge.relation, edge.forward, tuple(mentions))
        )
        self.length = end + 1
        self.triples += len(others)


class Verbaliser:
    """Turns the nodes of a store into documents."""

    def __init__(self, store: TripleStore, templates: Templates, hops: int = 1) -> None:
        self._store = store
        self._templates = templates
        self._hops = hops
        self.name = lru_cache(_NAMES)(self._name)
        self._phrases: dict[str, Phrase | None] = {}

    def documents(self) -> Iterator[Document]:
        """Yield the documents of all nodes that deserve one, in the order of their keys.

        A node with more than a thousand triples has several.
        """
        for node, edges in self._store.nodes():
            if self._has_document(node):
                yield from self._of_node(node, edges)

    def _has_document(self, node: str) -> bool:
        """Whether a node is told of by itself: not what only holds another's values together."""
        return (
            not is_anonymous(node)
            or self._store.name(node) is not None
            or not self._store.is_object(node)
        )

    def _of_node(self, node: str, edges: Iterable[Edge]) -> Iterator[Document]:
        name = self.name(node)
        text, number = _Text(), 1
        for edge, others in self._sentences(edges):
            if text.triples + len(others) > _TRIPLES:
                yield _document(node, name, text, number)
                text, number = _Text(), number + 1
            self._tell(text, name, edge, others)
        if text.lines:
            yield _document(node, name, text, number)
        if self._hops > 1:
            around = self._around(node)
            if around.lines:
                yield _document(node, name, around, NEIGHBOURS)

    def _around(self, node: str) -> _Text:
        """Tell of the neighbours that a node's own statements lead to."""
        text = _Text()
        name = self.name(node)
        for edge in self._store.forward(node, _NEIGHBOURS):
            phrase = self._phrase(edge.relation)
            if edge.literal or phrase is None or is_anonymous(edge.other):
                continue
            own = [e for e in self._store.forward(edge.other, _INNER) if e.other != node]
            sentences = list(self._sentences(own))
            if not sentences:
                continue
            self._tell(text, name, edge, [self._other(edge)])
            path = ((node, edge.relation, edge.other),)
            for inner, others in sentences:
                self._tell(text, self.name(edge.other), inner, others, path)
        return text

    def _tell(
        self,
        text: _Text,
        name: str,
        edge: Edge,
        others: Sequence[_Other],
        path: tuple[Statement, ...] = (),
    ) -> None:
        phrase = self._phrase(edge.relation)
        if phrase is None:
            return
        template = phrase.forward if edge.forward else phrase.inverse
        if template:
            text.tell(template, name, edge, others, path)

    def _sentences(self, edges: Iterable[Edge]) -> Iterator[tuple[Edge, list[_Other]]]:
        """Yield what goes into one sentence: an edge of its relation, and the others."""
        for _, own in groupby(edges, key=lambda edge: (edge.relation, edge.forward)):
            waiting: list[_Other] = []
            first: Edge | None = None
            words = 0
            for edge in own:
                first = first or edge
                for other in self._others(edge):
                    size = len(other.text.split())
                    if waiting and (len(waiting) == OTHERS or words + size > _WORDS):
                        yield first, waiting
                        waiting, words = [], 0
                    waiting.append(other)
                    words += size
            if first is not None and waiting:
                yield first, waiting

    def _others(self, edge: Edge) -> list[_Other]:
        """Return what an edge leads to: nothing where it comes from a bare blank node."""
        key = edge.other
        if edge.literal or not is_anonymous(key) or self._store.name(key) is not None:
            other = self._other(edge)
            return [other] if other.text else []
        if not edge.forward:
            return [] if self._store.is_object(key) else [self._other(edge)]
        if self._store.forward(key, 1) and (items := self._items(key)) is not None:
            return items
        inner = self._inner(key, _DEPTH)
        return [inner] if inner is not None else []

    def _other(self, edge: Edge) -> _Other:
        if edge.literal:
            text = render(edge.other, edge.datatype)
            unit = self._store.name(edge.datatype) if edge.datatype.startswith(WIKIDATA) else None
            return _Other(f"{text} {unit}" if unit else text, edge.other, True)
        return _Other(self.name(edge.other), edge.other)

    def _items(self, key: str) -> list[_Other] | None:
        """Return the items of an RDF list, each with the triples that lead to it; None if none."""
        items: list[_Other] = []
        path: list[Statement] = []
        while key != RDF + "nil" and len(items) < _ITEMS:
            links = {edge.relation: edge for edge in self._store.forward(key, _INNER)}
            first, rest = links.get(RDF + "first"), links.get(RDF + "rest")
            if first is None or rest is None:
                return items or None
            own = (key, first.relation, first.other)
            if not first.literal and is_anonymous(first.other):
                found = self._inner(first.other, _DEPTH)
            else:
                found = self._other(first)
            if found is not None:
                items.append(
                    _Other(found.text, found.key, found.literal, (*found.also, *path, own))
                )
            path.append((key, rest.relation, rest.other))
            key = rest.other
        return items

    def _inner(self, key: str, depth: int) -> _Other | None:
        """Tell a blank node in brackets' place: "street Main Road, city Leeds"."""
        parts: list[str] = []
        also: list[Statement] = []
        for edge in self._store.forward(key, _INNER):
            phrase = self._phrase(edge.relation)
            if phrase is None or edge.relation == RDF + "type":
                continue
            bare = not edge.literal and is_anonymous(edge.other)
            if bare and self._store.name(edge.other) is None:
                other = self._inner(edge.other, depth - 1) if depth > 1 else None
            else:
                other = self._other(edge)
            if other is not None and other.text:
                parts.append(f"{phrase.name} {other.text}")
                also += [(key, edge.relation, edge.other), *other.also]
        return _Other(", ".join(parts), key, False, tuple(also)) if parts else None

    def _name(self, node: str) -> str:
        """Return what a node is called."""
        label = self._store.name(node)
        if label is not None:
            return label
        statement = self._store.reified(node)
        if statement is not None:
            subject, other = self.name(statement.node), self._other(statement).text
            return f"statement “{subject}, {self._relation(statement.relation)}, {other}”"
        if is_anonymous(node):
            for edge in self._store.forward(node, _INNER):
                if edge.relation == RDF + "type":
                    return f"unnamed {self.name(edge.other)}"
            return "unnamed thing"
        return entity_name(node)

    def _relation(self, key: str) -> str:
        return self._store.name(key) or relation_name(key)

    def _phrase(self, key: str) -> Phrase | None:
        """Return a relation's sentences, or None if it is to be left out."""
        if key not in self._phrases:
            name = self._relation(key)
            phrase: Phrase | None = _KNOWN.get(key, phrase_for(name))
            if self._templates.has(key, name):
                phrase = self._templates.phrase(key, name)
            if self._templates.is_skipped(key, name):
                phrase = None
            self._phrases[key] = phrase
        return self._phrases[key]


def document_id(node: str) -> str:
    """Return the id of a node's first document; plain names could be those of other documents."""
    return node if is_iri(node) else f"entity:{node}"


def _document(node: str, name: str, text: _Text, part: int | str) -> Document:
    return Document(
        id=part_id(document_id(node), part),
        title=name,
        text="\n".join(text.lines),
        url=node if is_iri(node) else "",
        metadata={ENTITY: node, FACTS: encode(text.facts)},
    )
