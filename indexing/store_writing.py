"""Writes the store: parts of some thousand documents, each kept once written, then joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from indexing.documents import Document
from indexing.files import publish
from indexing.passage_store import (
    DOCUMENTS,
    ID_HASHES,
    ID_ROWS,
    PASSAGES,
    ArrowBatches,
    id_hash,
)

_Range = tuple[int, int]


@dataclass(slots=True)
class Part:
    """Documents with their passages, gathered until there are enough to write."""

    documents: list[Document] = field(default_factory=list)
    ranges: list[Sequence[_Range]] = field(default_factory=list)
    characters: int = 0

    def add(self, document: Document, ranges: Sequence[_Range]) -> None:
        """Add a document, with the ranges of code points that are its passages."""
        self.documents.append(document)
        self.ranges.append(ranges)
        self.characters += _characters(document)


def _characters(document: Document) -> int:
    """Count all that is kept of a document: a field of its metadata may be longer than its text."""
    own = (document.id, document.title, document.text, document.url)
    return sum(map(len, own)) + sum(len(k) + len(v) for k, v in document.metadata.items())


def part_documents(folder: Path) -> list[int]:
    """Return the numbers of documents in the parts that are whole, in order."""
    return [len(ArrowBatches(path)) for path in _whole_parts(folder)]


def write_part(part: Part, folder: Path, number: int, first_document: int) -> None:
    """Write part `number`; its documents file, which is named last, makes it valid."""
    stem = f"{number:06d}"
    _write(folder / f"{stem}.passages", _passage_batch(part, first_document))
    _write(folder / f"{stem}.documents", _document_batch(part.documents))


def join_parts(folder: Path, out: Path) -> tuple[int, int]:
    """Make the store's files in `out` of all parts; return the numbers of documents, passages."""
    documents = _whole_parts(folder)
    count = _join(documents, out / DOCUMENTS)
    passages = _join([path.with_suffix(".passages") for path in documents], out / PASSAGES)
    _file_ids(out)
    return count, passages


def byte_ranges(text: str, ranges: Sequence[_Range]) -> list[_Range]:
    """Return ranges of code points as ranges of UTF-8 bytes."""
    if text.isascii():
        return list(ranges)
    place: dict[int, int] = {0: 0}
    before = total = 0
    for point in sorted({point for both in ranges for point in both}):
        total += len(text[before:point].encode())
        place[point] = total
        before = point
    return [(place[start], place[end]) for start, end in ranges]


def _whole_parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.documents"))


def _document_batch(documents: Sequence[Document]) -> Any:
    import pyarrow as pa

    columns = {
        "id": pa.array([document.id for document in documents], pa.string()),
        "title": pa.array([document.title for document in documents], pa.string()),
        "text": pa.array([document.text for document in documents], pa.large_string()),
        "url": pa.array([document.url for document in documents], pa.string()),
        "metadata": pa.array(
            [list(document.metadata.items()) for document in documents],
            pa.map_(pa.string(), pa.string()),
        ),
    }
    return pa.record_batch(columns)


def _passage_batch(part: Part, first_document: int) -> Any:
    import pyarrow as pa

    rows = [
        (first_document + number, start, end, byte_start, byte_end)
        for number, (document, ranges) in enumerate(zip(part.documents, part.ranges, strict=True))
        for (start, end), (byte_start, byte_end) in zip(
            ranges, byte_ranges(document.text, ranges), strict=True
        )
    ]
    table = np.array(rows, dtype=np.int32).reshape(-1, 5)
    names = ("document", "start", "end", "byte_start", "byte_end")
    return pa.record_batch({name: pa.array(table[:, i]) for i, name in enumerate(names)})


def _write(path: Path, batch: Any) -> None:
    _write_batches(path, batch.schema, [batch])


def _join(parts: Sequence[Path], path: Path) -> int:
    """Copy the record batches of all parts into one file; return the number of rows."""
    schema = ArrowBatches(parts[0]).batches[0].schema
    batches = (batch for part in parts for batch in ArrowBatches(part).batches)
    return _write_batches(path, schema, batches)


def _write_batches(path: Path, schema: Any, batches: Iterable[Any]) -> int:
    import pyarrow as pa

    temporary = path.with_name(path.name + ".tmp")
    rows = 0
    with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    publish(temporary, path)
    return rows


def _file_ids(out: Path) -> None:
    """Write the table that finds a document's row by the hash of its id."""
    batches = ArrowBatches(out / DOCUMENTS).batches
    hashes = np.fromiter(
        (id_hash(text) for batch in batches for text in batch.column("id").to_pylist()), np.uint64
    )
    order = np.argsort(hashes, kind="stable")
    np.save(out / ID_HASHES, hashes[order])
    np.save(out / ID_ROWS, order.astype(np.int64))
