"""An index opened for reading."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from indexing.errors import QAError
from indexing.lexical import LEXICAL, Lexical, LexicalIndex, LexicalSettings
from indexing.lexical_changed import ChangedLexical
from indexing.locks import hold
from indexing.manifest import Manifest, VectorRecord, read_manifest, segment_folder
from indexing.passage_store import DocumentStore, PassageStore
from indexing.vectors import VECTORS, VectorIndex, Vectors
from indexing.vectors_changed import ChangedVectors
from indexing.words import WordSettings

_ATTEMPTS = 5


class Index:
    """A snapshot of an index: what is committed later does not change it.

    Use it as a context manager, or call `close()`. Reading from several threads is safe.

    >>> with Index.open(path) as index:
    ...     ids, scores = index.lexical.search(["Who was Ada Lovelace?"], k=5)
    ...     print(index.passages[ids[0, 0]].text)
    """

    def __init__(self, path: Path, manifest: Manifest, holds: list[int]) -> None:
        self.path = path
        self.manifest = manifest
        self._holds = holds
        folders = [segment_folder(path, segment) for segment in manifest.stores()]
        removed = np.load(path / manifest.removed).tolist() if manifest.removed else ()
        self.documents = DocumentStore(*folders, removed=removed)
        self.passages = PassageStore(self.documents, *folders)
        self.lexical = self._lexical([folder / LEXICAL for folder in folders])
        self._vectors: Vectors | None = None

    @classmethod
    def open(cls, path: str | Path) -> Index:
        """Open the index in a folder."""
        root = Path(path)
        for _ in range(_ATTEMPTS):
            manifest = read_manifest(root)
            holds: list[int] = []
            try:
                for segment in sorted(manifest.segments()):
                    holds.append(hold(segment_folder(root, segment)))
                check_sizes(root, manifest)
                return cls(root, manifest, holds)
            except Exception as error:
                for descriptor in holds:
                    os.close(descriptor)
                # A commit may have come between the manifest and its files: then look again.
                if read_manifest(root) != manifest:
                    continue
                if isinstance(error, FileNotFoundError):
                    raise QAError(f"{error.filename} is missing; build {root} again.") from error
                raise
        raise QAError(f"{root} changes all the time; try again when its builds have ended.")

    @property
    def vectors(self) -> Vectors | None:
        """The vectors, or None when the index was built without."""
        record = self.manifest.vectors
        if record is not None and self._vectors is None:
            # Loading FAISS takes a third of a second, which BM25 alone should not pay.
            parameters = record.search.get("parameters", "")
            first = VectorIndex(vector_file(self.path, record), parameters)
            self._vectors = self._all_vectors(first) if self.manifest.changed else first
        return self._vectors

    def removed_passages(self) -> NDArray[np.bool_]:
        """Return for each passage id whether its document was removed."""
        gone = np.zeros(len(self.documents), dtype=np.bool_)
        gone[np.fromiter(self.documents.removed, np.int64)] = True
        found = [gone[rows] for rows, *_ in self.passages.columns()]
        return np.concatenate(found) if found else gone[:0]

    def _lexical(self, folders: Sequence[Path]) -> Lexical:
        settings = lexical_settings(self.manifest)
        if not self.manifest.changed:
            return LexicalIndex(folders[0], len(self.passages), settings)
        gone = self.removed_passages()
        return ChangedLexical(folders, self.passages.firsts, gone, settings)

    def _all_vectors(self, first: VectorIndex) -> Vectors:
        later = [
            VectorIndex(segment_folder(self.path, one.segment) / VECTORS)
            for one in self.manifest.added
        ]
        return ChangedVectors([first, *later], self.passages.firsts, self.removed_passages())

    def close(self) -> None:
        """Give the files free; the index cannot be used afterwards."""
        for descriptor in self._holds:
            os.close(descriptor)
        self._holds = []

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def lexical_settings(manifest: Manifest) -> LexicalSettings:
    """Return the BM25 settings that an index was built with."""
    recorded = dict(manifest.settings["lexical"])
    return LexicalSettings(**{**recorded, "words": WordSettings(**recorded["words"])})


def vector_file(root: Path, record: VectorRecord) -> Path:
    """Return the FAISS file of an index."""
    return segment_folder(root, record.segment) / VECTORS


def check_sizes(root: Path, manifest: Manifest) -> None:
    """Find out early that a data file is missing or was cut off."""
    for name, record in manifest.files.items():
        size = (root / name).stat().st_size
        if size != record.bytes:
            raise QAError(
                f"{root / name} is damaged: it has {size} bytes and should have {record.bytes}; "
                "restore it from a copy, or build the index again."
            )
