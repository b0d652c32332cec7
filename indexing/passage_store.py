"""Documents and passages in memory-mapped Arrow files; a text is stored once, with its document.

`documents.arrow` has the columns id, title, text, url, metadata. `passages.arrow` has document
(a row of the former), start and end in code points, byte_start and byte_end in the UTF-8 of the
document's text. A passage's id is its row, so finding it costs the same in any corpus.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.documents import Document, Passage
from indexing.errors import QAError

DOCUMENTS = "documents.arrow"
PASSAGES = "passages.arrow"
ID_HASHES = "document_ids.hashes.npy"
ID_ROWS = "document_ids.rows.npy"


def id_hash(document_id: str) -> int:
    """Return the 64-bit hash under which a document's id is filed."""
    digest = hashlib.blake2b(document_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


class ArrowBatches:
    """Memory-mapped Arrow files, seen as one long table of rows.

    `file_rows` says where each file's rows begin, and where the last one's end.
    """

    def __init__(self, *paths: Path) -> None:
        files = [_batches(path) for path in paths]
        self.batches = [batch for batches in files for batch in batches]
        self.first_rows = np.cumsum([0, *(batch.num_rows for batch in self.batches)])
        self._firsts: list[int] = self.first_rows.tolist()
        rows = (sum(batch.num_rows for batch in batches) for batches in files)
        self.file_rows = tuple(accumulate(rows, initial=0))

    def __len__(self) -> int:
        return int(self.first_rows[-1])

    def locate(self, row: int) -> tuple[int, int]:
        """Return the number of the batch that holds a row, and the row within it."""
        batch = bisect_right(self._firsts, row) - 1
        return batch, row - self._firsts[batch]


def _batches(path: Path) -> list[Any]:
    import pyarrow as pa

    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        return [reader.get_batch(i) for i in range(reader.num_record_batches)]
    except pa.ArrowInvalid as error:
        raise QAError(f"{path} is damaged ({error}); build the index again.") from error


class DocumentStore:
    """The documents of an index, by row or by id.

    It spans one folder, or several with rows that run on. `removed` are rows whose documents are
    no longer there: they keep their numbers, but no id leads to them.
    """

    def __init__(self, *folders: Path, removed: Collection[int] = ()) -> None:
        self._table = ArrowBatches(*(folder / DOCUMENTS for folder in folders))
        self._texts, self._titles, self._names = (
            [_Texts(batch.column(name)) for batch in self._table.batches]
            for name in ("text", "title", "id")
        )
        self._ids = [
            (np.load(folder / ID_HASHES, mmap_mode="r"), np.load(folder / ID_ROWS, mmap_mode="r"))
            for folder in folders
        ]
        self.removed = frozenset(removed)

    def __len__(self) -> int:
        """Return the number of rows, removed ones included."""
        return len(self._table)

    def __contains__(self, document_id: object) -> bool:
        return isinstance(document_id, str) and self._find(document_id) is not None

    def __iter__(self) -> Iterator[Document]:
        return (self.at(row) for row in range(len(self)) if row not in self.removed)

    @property
    def firsts(self) -> tuple[int, ...]:
        """The first row of each folder, and the number of all rows."""
        return self._table.file_rows

    def get(self, document_id: str) -> Document:
        """Return a document by its id; KeyError when there is none."""
        return self.at(self.row_of(document_id))

    def text_of(self, document_id: str) -> str:
        """Return a document's whole text by its id; KeyError when there is none."""
        batch, row = self._table.locate(self.row_of(document_id))
        return self._texts[batch].whole(row)

    def row_of(self, document_id: str) -> int:
        """Return a document's row by its id; KeyError when there is none."""
        row = self._find(document_id)
        if row is None:
            raise KeyError(document_id)
        return row

    def at(self, row: int) -> Document:
        """Return the document of a row."""
        batch, place = self._table.locate(row)
        return Document(
            id=self._names[batch].whole(place),
            title=self._titles[batch].whole(place),
            text=self._texts[batch].whole(place),
            url=self._value(row, "url"),
            metadata=dict(self._value(row, "metadata")),
        )

    def id_and_title(self, row: int) -> tuple[str, str]:
        """Return a document's id and title without touching its text."""
        batch, place = self._table.locate(row)
        return self._names[batch].whole(place), self._titles[batch].whole(place)

    def title(self, row: int) -> str:
        """Return the title of a row's document."""
        return self.id_and_title(row)[1]

    def may_have_metadata(self, name: str) -> bool:
        """Return False only if no document has a field of this name in its metadata."""
        keys = (batch.column("metadata").keys.buffers()[2] for batch in self._table.batches)
        return any(re.search(name.encode(), part) is not None for part in keys if part is not None)

    def titles(self) -> Iterator[str]:
        """Yield the titles of all documents, by row; a removed one's is empty."""
        every = (title for b in self._table.batches for title in b.column("title").to_pylist())
        for row, title in enumerate(every):
            yield "" if row in self.removed else title

    def slice(self, row: int, byte_start: int, byte_end: int) -> str:
        """Return a piece of a document's text by its range of UTF-8 bytes."""
        return self.slicer(row)(byte_start, byte_end)

    def slicer(self, row: int) -> Callable[[int, int], str]:
        """Return the function that cuts pieces of one document's text, as `slice` does."""
        batch, place = self._table.locate(row)
        return self._texts[batch].cutter(place)

    def _value(self, row: int, column: str) -> Any:
        batch, place = self._table.locate(row)
        return self._table.batches[batch].column(column)[place].as_py()

    def _find(self, document_id: str) -> int | None:
        wanted = np.uint64(id_hash(document_id))
        for first, (hashes, rows) in zip(self._table.file_rows, self._ids, strict=False):
            place = int(np.searchsorted(hashes, wanted))
            while place < len(hashes) and hashes[place] == wanted:
                row: int = first + int(rows[place])
                if row not in self.removed and self.id_and_title(row)[0] == document_id:
                    return row
                place += 1
        return None


class PassageStore:
    """The passages of an index: `passages[id]` is a Passage, `len(passages)` their number.

    The folders are those of the documents; ids run on from one to the next.
    """

    def __init__(self, documents: DocumentStore, *folders: Path) -> None:
        self._documents = documents
        self._table = ArrowBatches(*(folder / PASSAGES for folder in folders))
        names = ("document", "start", "end", "byte_start", "byte_end")
        self._columns = [
            tuple(_numbers(batch.column(name)) for name in names) for batch in self._table.batches
        ]
        for number, first in enumerate(self._table.first_rows[:-1]):
            folder = bisect_right(self.firsts, int(first)) - 1
            if folder and len(self._columns[number][0]):
                rows, *ranges = self._columns[number]
                moved = rows + np.int32(documents.firsts[folder])
                self._columns[number] = (moved, *ranges)

    def __len__(self) -> int:
        return len(self._table)

    @property
    def firsts(self) -> tuple[int, ...]:
        """The first id of each folder, and the number of all."""
        return self._table.file_rows

    def __getitem__(self, passage_id: int) -> Passage:
        document, start, end, byte_start, byte_end = self._fields(passage_id)
        document_id, title = self._documents.id_and_title(document)
        text = self._documents.slice(document, byte_start, byte_end)
        return Passage(int(passage_id), document_id, title, text, start, end)

    def get(self, passage_ids: Sequence[int] | NDArray[np.int64]) -> list[Passage]:
        """Return the passages of these ids, in this order."""
        return [self[int(passage_id)] for passage_id in passage_ids]

    def of_document(self, row: int) -> range:
        """Return the ids of the passages of a document's row."""
        for number, (documents, *_) in enumerate(self._columns):
            if len(documents) and documents[-1] >= row:
                first = int(np.searchsorted(documents, row, side="left"))
                last = int(np.searchsorted(documents, row, side="right"))
                base = int(self._table.first_rows[number])
                return range(base + first, base + last)
        return range(0)

    def texts(self, first: int, last: int) -> Iterator[tuple[str, str]]:
        """Yield title and text of the passages `first` to `last`, the last one not included."""
        known, title = -1, ""
        piece: Callable[[int, int], str]
        while first < last:
            batch, row = self._table.locate(first)
            documents, _, _, *byte_ranges = self._columns[batch]
            end = min(row + last - first, len(documents))
            columns = (column[row:end].tolist() for column in (documents, *byte_ranges))
            for document, byte_start, byte_end in zip(*columns, strict=True):
                if document != known:
                    known, title = document, self._documents.title(document)
                    piece = self._documents.slicer(document)
                yield title, piece(byte_start, byte_end)
            first += end - row

    def columns(self) -> Iterator[tuple[NDArray[np.int32], ...]]:
        """Yield document rows, starts, ends, byte starts and byte ends, batch by batch."""
        yield from self._columns

    def _fields(self, passage_id: int) -> tuple[int, int, int, int, int]:
        if not 0 <= passage_id < len(self):
            raise IndexError(f"there is no passage {passage_id} among {len(self)}")
        batch, row = self._table.locate(passage_id)
        document, start, end, byte_start, byte_end = (
            column.item(row) for column in self._columns[batch]
        )
        return document, start, end, byte_start, byte_end


def _numbers(column: Any) -> NDArray[np.int32]:
    """Return an int32 column's values; Arrow's own way would import pandas where there is one."""
    if not len(column):
        return np.empty(0, dtype=np.int32)
    values = np.frombuffer(column.buffers()[1], dtype=np.int32)
    return values[column.offset : column.offset + len(column)]


class _Texts:
    """A column of strings, read as bytes: a tenth of the time of Arrow's own values.

    They can be cut without decoding them whole.
    """

    def __init__(self, column: Any) -> None:
        _, offsets, data = column.buffers()
        places = memoryview(offsets).cast("B")
        wide = str(column.type) == "large_string"
        self._offsets = (places.cast("q") if wide else places.cast("i"))[column.offset :]
        self._data = memoryview(data) if data is not None else memoryview(b"")

    def whole(self, row: int) -> str:
        return str(self._data[self._offsets[row] : self._offsets[row + 1]], "utf-8")

    def cutter(self, row: int) -> Callable[[int, int], str]:
        data, first = self._data, self._offsets[row]
        return lambda start, end: str(data[first + start : first + end], "utf-8")
