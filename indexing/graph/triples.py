"""Triples, as every graph format yields them, and the options of reading graphs."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from indexing.errors import InputError

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
XSD = "http://www.w3.org/2001/XMLSchema#"
WIKIDATA = "http://www.wikidata.org/entity/"

_ANONYMOUS = re.compile(r"_:|https?://[^#]*/(?:entity/statement|\.well-known/genid)/")


class Triple(NamedTuple):
    """One statement of a graph.

    `subject` and `object` are IRIs, blank nodes (`_:x`) or plain names; where `literal` is set,
    `object` is a value, with its datatype's IRI and its language if it has them.
    """

    subject: str
    relation: str
    object: str
    literal: bool = False
    datatype: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """How triples become documents.

    `languages` are those of literals to keep, best first; none means all. `labels` are files of
    names for keys, `templates` a file of sentences for relations. With `hops` 2, every entity
    also gets a document that tells of its neighbours.
    """

    languages: tuple[str, ...] = ("en",)
    labels: tuple[str, ...] = ()
    templates: str | None = None
    hops: int = 1

    def __post_init__(self) -> None:
        if self.hops not in (1, 2):
            raise InputError(f"Passages of a graph tell of 1 or 2 hops, not {self.hops}.")

    def absolute(self) -> GraphOptions:
        """Return the options with files that can be found from any folder."""
        labels = tuple(map(os.path.abspath, self.labels))
        templates = None if self.templates is None else os.path.abspath(self.templates)
        return replace(self, labels=labels, templates=templates)


def is_anonymous(key: str) -> bool:
    """Whether a node is a blank one, or one that was given a name only to have one."""
    return _ANONYMOUS.match(key) is not None


def is_iri(key: str) -> bool:
    """Whether a key is an IRI that can be opened in a browser."""
    return key.startswith(("http://", "https://"))


def language_rank(language: str, wanted: tuple[str, ...]) -> int | None:
    """Return how welcome a literal of a language is, 0 being best; None if it is not wanted.

    A regional variety ("en-GB") is as good as its language. Literals without a language, and
    Wikidata's "mul" (all languages), come behind the first.
    """
    if not language or language == "mul":
        return 1
    if not wanted:
        return 2
    for place, name in enumerate(wanted):
        if language.lower() == name.lower() or language.lower().startswith(name.lower() + "-"):
            return 2 * place
    return None
