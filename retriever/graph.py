"""A graph inside an index: the entities a question names, and what lies around them.

All of it is read from the verbalised documents, so that whatever is found there is a span of a
document and can be cited.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from indexing.documents import Document
from indexing.graph.facts import ENTITY, Statement, facts_of
from indexing.graph.verbalising import document_id
from indexing.index import Index
from indexing.parts import part_id
from indexing.words import STOP_WORDS

_WORD = re.compile(r"[^\W_]+")
_QUESTION = frozenset(("what", "which", "who", "when", "where", "how", "whose", "does", "did"))
_LONGEST = 15  # words of a name
_KEPT = 50_000  # entities whose neighbourhoods are kept in memory
_SAME_NAME = 5  # entities of one name that are looked at
_LOOKED_AT = 500  # documents, evenly spread, that tell which relations a graph has

Step = tuple[str, bool]
"""A relation, and whether it is followed from subject to object."""
Path = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """An entity or value at the end of a step, and the span of a document that says so."""

    key: str
    text: str
    literal: bool
    document_id: str
    start: int
    end: int
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A part of a question, [start, end), that is the name of an entity."""

    start: int
    end: int
    key: str
    words: int
    common: bool

    @property
    def weight(self) -> float:
        """How sure the link is by its length alone: names of common words are often none."""
        return 0.1 if self.common else float(self.words)


@dataclass(frozen=True, slots=True)
class Around:
    """An entity's neighbourhood: the places of each step, and one sentence of each as a model."""

    name: str
    steps: Mapping[Step, tuple[Place, ...]]
    sentences: Mapping[Step, str]


def name_words(text: str) -> list[tuple[str, int, int]]:
    """Return a text's words without case and accents, with their places."""
    return [(_folded(match[0]), match.start(), match.end()) for match in _WORD.finditer(text)]


def _folded(word: str) -> str:
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", word)
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()


class GraphView:
    """The graph of an index. Safe to use from threads.

    Opening one reads all titles: about a second for a million documents, and 16 bytes each.
    """

    def __init__(self, index: Index) -> None:
        self._documents = index.documents
        hashes = np.fromiter(
            (hash(_name(title)) for title in index.documents.titles()), dtype=np.int64
        )
        self._rows = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._rows]
        self.around = lru_cache(_KEPT)(self._around)
        self.relations = lru_cache(1)(self._relations)

    def _relations(self) -> dict[Step, str]:
        """Return the graph's steps, each with a sentence as a model; rare ones may be missing."""
        found: dict[Step, str] = {}
        count = len(self._documents)
        for row in sorted({i * count // _LOOKED_AT for i in range(_LOOKED_AT)} if count else ()):
            key = self._documents.at(row).metadata.get(ENTITY)
            if key is not None:
                found = {**self.around(key).sentences, **found}
        return found

    def links(self, question: str) -> list[Link]:
        """Return the entities that a question names, the longest names first.

        Names inside longer ones are left out.
        """
        words = name_words(question)
        taken = [False] * len(words)
        found: list[Link] = []
        for length in range(min(_LONGEST, len(words)), 0, -1):
            for first in range(len(words) - length + 1):
                part = words[first : first + length]
                if all(taken[first : first + length]):
                    continue
                keys = self._named(" ".join(word for word, _, _ in part))
                if not keys or any(taken[first : first + length]):
                    continue
                common = all(word in STOP_WORDS or word in _QUESTION for word, _, _ in part)
                if not common:
                    taken[first : first + length] = [True] * length
                found += (Link(part[0][1], part[-1][2], key, length, common) for key in keys)
        return found

    def _named(self, name: str) -> list[str]:
        """Return the keys of the graph's entities with this name."""
        wanted = hash(name)
        place = int(np.searchsorted(self._hashes, wanted))
        keys: dict[str, None] = {}
        while place < len(self._hashes) and self._hashes[place] == wanted:
            row = int(self._rows[place])
            place += 1
            if _name(self._documents.title(row)) == name and len(keys) < _SAME_NAME:
                key = self._documents.at(row).metadata.get(ENTITY)
                if key is not None:
                    keys[key] = None
        return list(keys)

    def _around(self, key: str) -> Around:
        steps: dict[Step, list[Place]] = {}
        sentences: dict[Step, str] = {}
        name = ""
        for document in self._parts(key):
            name = document.title
            for fact in facts_of(document):
                step = (fact.relation, fact.forward)
                places = steps.setdefault(step, [])
                if step not in sentences:
                    sentences[step] = _model(document.text, name, fact.start, fact.end, [
                        (mention.start, mention.end) for mention in fact.mentions
                    ])  # fmt: skip
                places += (
                    Place(
                        mention.key,
                        document.text[mention.start : mention.end],
                        mention.literal,
                        document.id,
                        mention.start,
                        mention.end,
                        fact.statements(mention),
                    )
                    for mention in fact.mentions
                )
        return Around(name, {step: tuple(own) for step, own in steps.items()}, sentences)

    def _parts(self, key: str) -> Iterator[Document]:
        """Yield the documents of an entity."""
        first = document_id(key)
        number = 1
        name = first
        while name in self._documents:
            document = self._documents.get(name)
            if document.metadata.get(ENTITY) != key:
                return
            yield document
            number += 1
            name = part_id(first, number)


def _name(title: str) -> str:
    return " ".join(word for word, _, _ in name_words(title))


def _model(text: str, name: str, start: int, end: int, mentions: list[tuple[int, int]]) -> str:
    """Return a sentence with X for the entity and Y for the others."""
    before = text[start : mentions[0][0]].replace(name, "X")
    after = text[mentions[-1][1] : end].replace(name, "X")
    return f"{before}Y{after}"
