"""Checks that an index is whole: its files are those that were written, and they agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexing.errors import QAError
from indexing.files import checksum
from indexing.index import Index
from indexing.lexical import DATA, INDICES, INDPTR, LEXICAL, WORD_ENDS, mapped
from indexing.manifest import Manifest, read_manifest, segment_folder
from indexing.passage_store import DOCUMENTS, PASSAGES
from indexing.vectors import VECTORS


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was checked, and what was found wrong: sentences that name the file."""

    path: Path
    files: int
    bytes: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(path: str | Path) -> VerifyReport:
    """Check every file's checksum and, if they are right, that the files agree."""
    root = Path(path)
    manifest = read_manifest(root)
    problems = list(_damaged_files(root, manifest))
    if read_manifest(root) != manifest:
        return verify(root)  # a commit came in between
    if not problems:
        try:
            with Index.open(root) as index:
                manifest = index.manifest
                problems = [*_store(index), *_lexical(index), *_vectors(index)]
        except QAError as error:
            problems = [str(error)]
    total = sum(record.bytes for record in manifest.files.values())
    return VerifyReport(root, len(manifest.files), total, tuple(problems))


def _damaged_files(root: Path, manifest: Manifest) -> Iterator[str]:
    for name, record in manifest.files.items():
        path = root / name
        if not path.is_file():
            yield f"{path} is missing."
        elif path.stat().st_size != record.bytes:
            yield f"{path} is damaged: {path.stat().st_size} bytes instead of {record.bytes}."
        elif checksum(path) != record.sha256:
            yield f"{path} is damaged: its checksum is not the one in the manifest."


def _store(index: Index) -> Iterator[str]:
    folder = segment_folder(index.path, index.manifest.segment)
    documents = len(index.documents) - len(index.documents.removed)
    passages = int((~index.removed_passages()).sum())
    if documents != index.manifest.documents:
        yield f"{folder / DOCUMENTS} has {documents} documents; the manifest differs."
    if passages != index.manifest.passages:
        yield f"{folder / PASSAGES} has {passages} passages; the manifest differs."
    for row in range(len(index.documents)):
        document_id, _ = index.documents.id_and_title(row)
        if row not in index.documents.removed and index.documents.row_of(document_id) != row:
            yield f"{folder / DOCUMENTS}: two documents have the id {document_id!r}."
            break
    wrong = _first_wrong_passage(index)
    if wrong is not None:
        yield f"{folder / PASSAGES}: passage {wrong} is not the piece of text its range says."


def _first_wrong_passage(index: Index) -> int | None:
    known, text = -1, ""
    first = 0
    for columns in index.passages.columns():
        for place, (document, start, end, byte_start, byte_end) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True)
        ):
            if not 0 <= document < len(index.documents):
                return first + place
            if document != known:
                known, text = document, index.documents.at(document).text
            piece = text[start:end]
            if not piece or piece != index.documents.slice(document, byte_start, byte_end):
                return first + place
        first += len(columns[0])
    return None


def _lexical(index: Index) -> Iterator[str]:
    for segment, size in zip(index.manifest.stores(), np.diff(index.passages.firsts), strict=True):
        folder = segment_folder(index.path, segment) / LEXICAL
        starts, rows = mapped(folder / INDPTR), mapped(folder / INDICES)
        if len(starts) != len(mapped(folder / WORD_ENDS)) + 1 or (np.diff(starts) < 0).any():
            yield f"{folder / INDPTR} does not fit the vocabulary."
        if not int(starts[-1]) == len(rows) == len(mapped(folder / DATA)):
            yield f"{folder / DATA} and {INDICES} are not of one length."
        if len(rows) and not 0 <= rows.min() <= rows.max() < size:
            yield f"{folder / INDICES} names passages that there are not."


def _vectors(index: Index) -> Iterator[str]:
    record, vectors = index.manifest.vectors, index.vectors
    if record is None or vectors is None:
        return
    path = segment_folder(index.path, record.segment) / VECTORS
    if vectors.dimension != record.dimension:
        yield f"{path} has {vectors.dimension} dimensions, the manifest {record.dimension}."
    if not np.array_equal(vectors.ids(), np.arange(len(index.passages))):
        yield f"{path} does not hold one vector for each passage."
