"""The file that says what an index is: `manifest.json`, replaced in one step by each commit.

It names every data file with its size and checksum. Data files lie in `segments/NUMBER/` and
never change once a manifest names them, so that whoever has read a manifest has a snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from indexing.errors import InputError, QAError
from indexing.files import write_atomically

MANIFEST = "manifest.json"
FORMAT_VERSION = 2
"""2: an index may have added segments and removed documents; files of 1 are read, too."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """The size and checksum that a data file must have."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class VectorRecord:
    """Which encoder made the vectors, and how FAISS keeps them.

    `search` is empty for an exact index, else FAISS' search `parameters` and the `recall` that
    they reached on `questions` sample questions (see `vectors_tuning`).
    """

    segment: str
    encoder: str
    fingerprint: str
    dimension: int
    factory: str
    search: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Added:
    """A segment that came after the build: documents, passages, BM25 and, with them, vectors."""

    segment: str
    documents: int
    passages: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index holds and how it was made.

    `documents` and `passages` count what can be found. `segment` is the folder of the
    documents, passages and BM25 files; `settings` are those of the build, by part; the keys of
    `files` are paths relative to the index folder. `added` are segments behind the first, whose
    rows and passage ids run on; `removed` is a file with the rows of documents that are no longer
    there. `folders` are the absolute paths of folders that were read: the ids of files in them are
    relative to them.
    """

    created: str
    spanqa: str
    documents: int
    passages: int
    settings: Mapping[str, Any]
    segment: str
    vectors: VectorRecord | None
    files: Mapping[str, FileRecord]
    added: tuple[Added, ...] = ()
    removed: str | None = None
    folders: tuple[str, ...] = ()
    format: int = FORMAT_VERSION

    @property
    def changed(self) -> bool:
        """Whether the index is more, or less, than what its build made."""
        return bool(self.added) or self.removed is not None

    def stores(self) -> list[str]:
        """Return the segments with documents, in the order of their rows."""
        return [self.segment, *(one.segment for one in self.added)]

    def segments(self) -> set[str]:
        """Return the names of the folders that hold this index's files."""
        vectors = {self.vectors.segment} if self.vectors else set()
        removed = {Path(self.removed).parent.name} if self.removed else set()
        return {*self.stores(), *vectors, *removed}


def segment_folder(root: Path, segment: str) -> Path:
    """Return the folder of a segment."""
    return root / "segments" / segment


def is_index(root: Path) -> bool:
    """Whether there is an index in the folder."""
    return (root / MANIFEST).is_file()


def read_manifest(root: Path) -> Manifest:
    """Read an index's manifest; an InputError when there is none or it is of a newer format."""
    path = root / MANIFEST
    try:
        content = json.loads(path.read_bytes())
        found = content["format"]
    except FileNotFoundError:
        raise InputError(
            f"{root} is not an index (it has no {MANIFEST}); "
            f"build one with `qa index build SOURCE --out {root}`."
        ) from None
    except NotADirectoryError:
        raise InputError(f"{root} is a file, not an index folder.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path) from error
    if found not in (1, FORMAT_VERSION):
        raise InputError(
            f"{root} has index format {found}, and this version of SpanQA reads format "
            f"{FORMAT_VERSION}; use the version that built it, or build it again."
        )
    try:
        vectors = content.pop("vectors")
        files = {name: FileRecord(**record) for name, record in content.pop("files").items()}
        record = VectorRecord(**vectors) if vectors is not None else None
        added = tuple(Added(**one) for one in content.pop("added", ()))
        folders = tuple(content.pop("folders", ()))
        return Manifest(**content, vectors=record, files=files, added=added, folders=folders)
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(path) from error


def write_manifest(root: Path, manifest: Manifest) -> None:
    """Commit: readers that open the index from now on see what this manifest names."""
    # In ASCII: the names of folders may hold bytes that are no UTF-8.
    write_atomically(root / MANIFEST, json.dumps(asdict(manifest), indent=2).encode())


def _damaged(path: Path) -> QAError:
    return QAError(f"{path} is damaged; restore it from a copy, or build the index again.")
