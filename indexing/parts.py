"""Documents that go on with another: a long text's, and those of an entity of a graph."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from indexing.graph.facts import ENTITY, is_graph_document
from indexing.passage_store import DocumentStore

PART = "spanqa_part"
"""The field of the metadata that holds the number of a text's part, from 2 on."""
NEIGHBOURS = "neighbours"


def part_id(first: str, part: int | str) -> str:
    """Return the id of a part of the document whose own id is `first`."""
    return first if part == 1 else f"{first}#{part}"


def rows_of_parts(documents: DocumentStore, first: str) -> Iterator[int]:
    """Yield the rows of the documents that go on with the one whose id is `first`.

    A document whose id only looks like that of a part is none: parts say what they are.
    """
    for number in count(2):
        if not _is_part(documents, first, number):
            break
        yield documents.row_of(part_id(first, number))
    if _is_part(documents, first, NEIGHBOURS):
        yield documents.row_of(part_id(first, NEIGHBOURS))


def _is_part(documents: DocumentStore, first: str, part: int | str) -> bool:
    name = part_id(first, part)
    if name not in documents:
        return False
    found = documents.get(name)
    if is_graph_document(found):
        return found.metadata[ENTITY] == documents.get(first).metadata.get(ENTITY)
    return found.metadata.get(PART) == str(part)
