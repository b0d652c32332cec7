"""Triples grouped by entity, on the disk: memory does not grow with the graph.

A temporary SQLite database holds the triples and two sorted indexes over them, by subject and by
object. It takes about five times the size of plain N-Triples on the disk of the temporary folder
(`TMPDIR`), and is gone when reading ends. In memory are its page cache, the buffers of sorting,
and a cache of names: some 150 MB whatever the graph.
"""

from __future__ import annotations

import heapq
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from indexing.graph.triples import RDF, Triple

_BATCH = 20_000
_NAMES = 100_000  # kept in memory
_REIFIED = (RDF + "subject", RDF + "predicate", RDF + "object")


class Edge(NamedTuple):
    """A triple as its node sees it: `other` is the object if `forward`, else the subject."""

    node: str
    relation: str
    forward: bool
    other: str
    literal: bool
    datatype: str


class TripleStore:
    """A graph being gathered, then read entity by entity. A context manager."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="spanqa-graph-")
        self._db = sqlite3.connect(Path(self._folder.name, "graph.sqlite"))
        self._db.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;"
            "CREATE TABLE edges (s TEXT, p TEXT, o TEXT, literal INT, datatype TEXT);"
            "CREATE TABLE labels (node TEXT, rank INT, label TEXT);"
        )
        self.name = lru_cache(_NAMES)(self._name)

    def add(self, triples: Iterable[Triple]) -> None:
        """Add statements."""
        self._db.executemany(
            "INSERT INTO edges VALUES (?, ?, ?, ?, ?)",
            ((t.subject, t.relation, t.object, int(t.literal), t.datatype) for t in triples),
        )

    def add_labels(self, labels: Iterable[tuple[str, int, str]]) -> None:
        """Add names: node, rank (the lowest wins), label."""
        self._db.executemany("INSERT INTO labels VALUES (?, ?, ?)", labels)

    def finish(self) -> None:
        """Sort; afterwards nothing can be added."""
        self._db.executescript(
            "CREATE INDEX forward ON edges (s, p, o, literal, datatype);"
            "CREATE TABLE names (node TEXT PRIMARY KEY, label TEXT) WITHOUT ROWID;"
        )
        self._resolve_reified()
        self._db.executescript(
            "CREATE INDEX backward ON edges (o, p, s) WHERE literal = 0;"
            # Of equal ranks the label that sorts first, so that the same graph reads the same.
            "INSERT INTO names SELECT node, label FROM (SELECT node, label, row_number() OVER "
            "(PARTITION BY node ORDER BY rank, label) AS place FROM labels) WHERE place = 1;"
            "DROP TABLE labels;"
        )

    def nodes(self) -> Iterator[tuple[str, Iterator[Edge]]]:
        """Yield every node with its edges, sorted by relation, direction and other end.

        The edges must be used before the next node is asked for.
        """
        forward = self._db.cursor().execute(
            "SELECT s, p, 0, o, literal, datatype FROM edges ORDER BY s, p, o, literal, datatype"
        )
        backward = self._db.cursor().execute(
            "SELECT o, p, 1, s, 0, '' FROM edges WHERE literal = 0 ORDER BY o, p, s"
        )
        # Equal rows stand together, and groupby makes one of them.
        rows = (row for row, _ in groupby(heapq.merge(forward, backward)))
        for node, own in groupby(rows, key=lambda row: str(row[0])):
            yield node, (Edge(n, p, not back, o, bool(lit), d) for n, p, back, o, lit, d in own)

    def forward(self, node: str, limit: int) -> list[Edge]:
        """Return the first statements about a node."""
        rows = self._db.execute(
            "SELECT DISTINCT s, p, o, literal, datatype FROM edges WHERE s = ? "
            "ORDER BY p, o LIMIT ?",
            (node, limit),
        )
        return [Edge(s, p, True, o, bool(literal), d) for s, p, o, literal, d in rows.fetchall()]

    def reified(self, node: str) -> Edge | None:
        """Return the statement that a node stands for, if it does."""
        row = self._db.execute(
            "SELECT s, p, o, literal, datatype FROM reified WHERE node = ?", (node,)
        ).fetchone()
        return None if row is None else Edge(row[0], row[1], True, row[2], bool(row[3]), row[4])

    def is_object(self, node: str) -> bool:
        """Whether a statement leads to the node."""
        query = "SELECT 1 FROM edges WHERE o = ? AND literal = 0 LIMIT 1"
        return self._db.execute(query, (node,)).fetchone() is not None

    def _name(self, node: str) -> str | None:
        row = self._db.execute("SELECT label FROM names WHERE node = ?", (node,)).fetchone()
        return None if row is None else str(row[0])

    def _resolve_reified(self) -> None:
        """Put each reified statement in the graph, and keep which node stands for which."""
        self._db.execute(
            "CREATE TABLE reified AS SELECT a.s AS node, a.o AS s, b.o AS p, c.o AS o, "
            "c.literal AS literal, c.datatype AS datatype FROM edges a JOIN edges b "
            "ON b.s = a.s AND b.p = ? JOIN edges c ON c.s = a.s AND c.p = ? WHERE a.p = ?",
            (_REIFIED[1], _REIFIED[2], _REIFIED[0]),
        )
        self._db.executescript(
            "INSERT INTO edges SELECT s, p, o, literal, datatype FROM reified;"
            "CREATE INDEX by_node ON reified (node);"
        )
        self._db.execute(
            "DELETE FROM edges WHERE p IN (?, ?, ?, ?) AND s IN (SELECT node FROM reified)",
            (*_REIFIED, RDF + "type"),
        )

    def __enter__(self) -> TripleStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()
        self._folder.cleanup()
