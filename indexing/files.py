"""Files that survive a crash: synced before they are named, checked by size and checksum."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InputError, QAError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(temporary: Path, path: Path) -> None:
    """Give a finished file its name in one step that a crash cannot halve."""
    sync(temporary)
    os.replace(temporary, path)
    sync(path.parent)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a whole file: afterwards it is old or new, never in between."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(data)
    publish(temporary, path)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def writing_to(folder: Path, *, resumable: bool = False) -> Iterator[None]:
    """Turn the operating system's refusals to write into errors for people.

    `resumable` tells whether the command has the option --resume.
    """
    try:
        yield
    except OSError as error:
        place = error.filename or folder
        if error.errno in _FULL:
            how = " with --resume" if resumable else ""
            raise QAError(
                f"The disk that holds {folder} is full; make room and run it again{how}."
            ) from error
        if error.errno in _FORBIDDEN:
            raise InputError(
                f"{place} cannot be written ({os.strerror(error.errno)}); "
                "choose another folder or change its permissions."
            ) from error
        if error.errno in (errno.ENOTDIR, errno.EEXIST):
            raise InputError(f"{place} is not a folder; choose another place.") from error
        raise QAError(f"{place}: {error.strerror or error}.") from error


class NpyWriter:
    """Writes a one-dimensional .npy file piece by piece; a context manager.

    numpy leaves room in the header for any length, which is filled in at the end.
    """

    def __init__(self, path: Path, kind: Any) -> None:
        self._kind = np.dtype(kind)
        self._file = path.open("wb")
        self._length = 0
        self._write_header()

    def append(self, values: NDArray[Any]) -> None:
        """Write the next values."""
        self._file.write(np.ascontiguousarray(values, self._kind).data)
        self._length += len(values)

    def __enter__(self) -> NpyWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._file:
            if error is None:
                self._file.seek(0)
                self._write_header()

    def _write_header(self) -> None:
        header = {"descr": self._kind.str, "fortran_order": False, "shape": (self._length,)}
        np.lib.format.write_array_header_1_0(self._file, header)
