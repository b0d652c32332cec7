"""RDF in all its spellings, by pyoxigraph's streaming parsers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from indexing.compression import DamagedArchive
from indexing.formats.source import SourceFile, reporting_damage, require
from indexing.graph.triples import RDF, WIKIDATA, Triple
from indexing.problems import Problems

RDF_FORMATS = {
    "ntriples": "N_TRIPLES",
    "nquads": "N_QUADS",
    "turtle": "TURTLE",
    "trig": "TRIG",
    "rdfxml": "RDF_XML",
    "jsonld": "JSON_LD",
}
"""Our names of formats, and pyoxigraph's."""

# Their parsers find the next statement after a bad one; the others end there.
_RECOVERING = frozenset(("ntriples", "nquads", "turtle", "trig"))
_RANDOM = re.compile("[0-9a-f]{24,32}")
_STRING = "http://www.w3.org/2001/XMLSchema#string"
_WIKIDATA_RELATION = re.compile(
    r"http://www\.wikidata\.org/prop/(?:direct(?:-normalized)?/)?(P\d+)$"
)


def read_rdf(file: SourceFile, kind: str, problems: Problems) -> Iterator[Triple]:
    """Read a file's triples; graph names of quads are left out.

    N-Triples, N-Quads, Turtle, TriG and RDF/XML are streamed. JSON-LD is held in memory, since
    its context may come last. A bad statement is reported with its line; RDF/XML and JSON-LD
    end there.
    """
    rdf = require("pyoxigraph", "pyoxigraph", file.label, extra="graph")
    line: int | None = None
    with reporting_damage(file, problems, lambda: line), file.open() as stream:
        source = _Careful(stream)
        parsed = rdf.parse(
            source,
            format=getattr(rdf.RdfFormat, RDF_FORMATS[kind]),
            base_iri=file.path.resolve().as_uri(),
        )
        nodes = _Nodes(file.name, rdf)
        while True:
            try:
                quad = next(parsed, None)
            except SyntaxError as error:
                line = error.lineno
                message = _bare(error.msg)
                problems.report(file.label, line, "malformed RDF", message)
                if kind in _RECOVERING:
                    continue
                return
            except OSError:
                if source.damage is not None:
                    raise source.damage from None
                raise
            if quad is None:
                return
            yield from _triples(quad, nodes, rdf, file, problems)


class _Careful:
    """Keeps the damage of an archive, of which the parser makes an error of its own."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.damage: DamagedArchive | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self._stream.read1(size))
        except DamagedArchive as error:
            self.damage = error
            raise OSError(str(error)) from error


def _triples(
    quad: Any, nodes: _Nodes, rdf: Any, file: SourceFile, problems: Problems
) -> Iterator[Triple]:
    """Turn a quad into a triple; a statement about a triple becomes its three parts."""
    subject, value = quad.subject, quad.object
    if isinstance(subject, rdf.Triple):
        problems.note(file.label, "statement whose subject is a triple")
        return
    key = nodes.key(subject)
    relation = _relation(quad.predicate.value)
    if isinstance(value, rdf.Literal):
        datatype = value.datatype.value
        yield Triple(
            key,
            relation,
            value.value,
            literal=True,
            datatype="" if datatype == _STRING or value.language else datatype,
            language=value.language or "",
        )
    elif not isinstance(value, rdf.Triple):
        yield Triple(key, relation, nodes.key(value))
    elif isinstance(value.object, rdf.Triple) or isinstance(value.subject, rdf.Triple):
        problems.note(file.label, "statement about statements about statements")
    else:
        yield Triple(key, RDF + "subject", nodes.key(value.subject))
        yield Triple(key, RDF + "predicate", _relation(value.predicate.value))
        inner = value.object
        if isinstance(inner, rdf.Literal):
            yield Triple(key, RDF + "object", inner.value, True, inner.datatype.value)
        else:
            yield Triple(key, RDF + "object", nodes.key(inner))


class _Nodes:
    """Keys of nodes: blank ones are named after their file, for their names hold in it only.

    Those without a name in the file get random ones from the parser. They are numbered instead,
    so that the same file gives the same index; the numbers of such nodes are held in memory.
    """

    def __init__(self, name: str, rdf: Any) -> None:
        self._name = name
        self._blank = rdf.BlankNode
        self._numbers: dict[str, int] = {}

    def key(self, node: Any) -> str:
        if not isinstance(node, self._blank):
            return str(node.value)
        name = node.value
        if _RANDOM.fullmatch(name):
            name = f"b{self._numbers.setdefault(name, len(self._numbers))}"
        return f"_:{self._name}:{name}"


def _relation(iri: str) -> str:
    """Return a relation's key: Wikidata's properties are labelled under another IRI."""
    match = _WIKIDATA_RELATION.match(iri)
    return WIKIDATA + match[1] if match else iri


def _bare(message: str) -> str:
    """Return the parser's message without the place, which is reported beside it."""
    return re.sub(r"^Parser error at line .*?: ", "", message)
