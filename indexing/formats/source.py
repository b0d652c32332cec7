"""What every format reader gets: a source to read, the user's options, a place for problems."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path, PurePosixPath
from types import ModuleType

from indexing.compression import DamagedArchive, compression_of, open_stream, without_suffix
from indexing.documents import Document
from indexing.errors import QAError
from indexing.graph.triples import GraphOptions
from indexing.normalising import normalise
from indexing.problems import Problems

Located = tuple[int | None, Document]
"""A document and the line of its source where it starts, if that means anything."""


@dataclass(frozen=True, slots=True)
class FieldNames:
    """The user's names of the fields of records; None means guess."""

    id: str | None = None
    title: str | None = None
    text: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class CorpusOptions:
    """How to read sources: a format's name or "auto", the names of fields, and graphs.

    With `prefix_ids` the source's name stands before each id, "wiki/12": for sources that count
    alike. Entities of graphs keep their names.
    """

    format: str = "auto"
    fields: FieldNames = field(default_factory=FieldNames)
    graph: GraphOptions = field(default_factory=GraphOptions)
    prefix_ids: bool = False


def ignore_bytes(count: int) -> None:
    """Take no notice of progress."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to read.

    `name` is its path relative to the source that the user gave, with forward slashes: the
    document's id where a file is a document. `advance` gets the bytes read from the disk.
    """

    path: Path
    name: str
    advance: Callable[[int], None] = ignore_bytes

    @property
    def label(self) -> str:
        """What messages call the file; bytes in its name that are no UTF-8 cannot be printed."""
        return normalise(str(self.path))

    @property
    def suffix(self) -> str:
        """The lower-case suffix, that of the compression left aside."""
        return PurePosixPath(without_suffix(self.name)).suffix.lower()

    @property
    def stem(self) -> str:
        """The file's bare name, without folders and known suffixes, for want of a title."""
        return (
            PurePosixPath(without_suffix(self.name))
            .stem.replace("_", " ")
            .replace("-", " ")
            .strip()
        )

    @property
    def size(self) -> int:
        """The size on the disk, in bytes."""
        return self.path.stat().st_size

    @property
    def compressed(self) -> bool:
        """Whether the file's first bytes are those of a compressed file."""
        return compression_of(self.path) is not None

    def open(self) -> BufferedReader:
        """Open the file for reading, decompressed on the fly."""
        return open_stream(self.path, self.advance)


@contextmanager
def reporting_damage(
    file: SourceFile, problems: Problems, line: Callable[[], int | None] = lambda: None
) -> Iterator[None]:
    """Report a damaged archive or an unreadable file met inside, and go on after the block."""
    try:
        yield
    except DamagedArchive as error:
        problems.report(file.label, line(), "damaged archive", str(error))
    except OSError as error:
        problems.report(file.label, None, "unreadable file", error.strerror or str(error))


def decode(data: bytes, file: SourceFile, problems: Problems, first_line: int = 1) -> str | None:
    """Decode UTF-8, or UTF-16 with a byte order mark; report anything else and return None."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = first_line + data.count(b"\n", 0, error.start)
        problems.report(file.label, line, f"invalid {encoding.upper()}", "convert it to UTF-8")
        return None


def require(module: str, package: str, what: str, extra: str = "formats") -> ModuleType:
    """Import a module of an optional extra, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise QAError(
            f"Reading {what} needs the package {package}: pip install 'spanqa[{extra}]'."
        ) from error
