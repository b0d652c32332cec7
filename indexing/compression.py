"""Streams of files that may be compressed, known by their first bytes rather than their name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol, cast

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")

_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_CHUNK = 1 << 18
_ZSTANDARD_CHUNK = 1 << 16  # at damage, pyarrow throws away what it was asked for


class DamagedArchive(Exception):
    """A compressed file ends too early or holds nonsense; what came before it was read."""


class _Source(Protocol):
    def read1(self, size: int, /) -> bytes: ...


class _Counted(io.RawIOBase):
    """A file that says how many of its bytes were read, for progress."""

    def __init__(self, path: Path, advance: Callable[[int], None]) -> None:
        self._file = path.open("rb", buffering=0)
        self._advance = advance

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        count = self._file.readinto(buffer) or 0
        self._advance(count)
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _Decompressed(io.RawIOBase):
    """Hands on decompressed bytes as they come, so that damage costs only what follows it."""

    def __init__(self, source: _Source, below: BinaryIO) -> None:
        self._source = source
        self._below = below

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        try:
            data = self._source.read1(len(buffer))
        except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
            raise DamagedArchive(_in_words(error)) from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._below.close()
        super().close()


class _Zstandard:
    """Zstandard by pyarrow, which is there anyway."""

    def __init__(self, file: BinaryIO) -> None:
        import pyarrow as pa

        self._stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")

    def read1(self, size: int, /) -> bytes:
        return cast(bytes, self._stream.read(min(size, _ZSTANDARD_CHUNK)))


def _in_words(error: Exception) -> str:
    text = str(error)
    if isinstance(error, EOFError) or "truncated" in text.casefold():
        return "the compressed data end too early"
    return text


def _decompressor(kind: str, file: BinaryIO) -> _Source:
    if kind == "gzip":
        return gzip.GzipFile(fileobj=file, mode="rb")
    if kind == "bzip2":
        return bz2.BZ2File(file)
    if kind == "xz":
        return lzma.LZMAFile(file)
    return _Zstandard(file)


def compression_of(path: Path) -> str | None:
    """Return "gzip", "bzip2", "xz" or "zstd" by the file's first bytes, or None."""
    with path.open("rb") as file:
        head = file.read(6)
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)


def without_suffix(name: str) -> str:
    """Return a file name without the suffix of its compression, if it has one."""
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def open_stream(path: Path, advance: Callable[[int], None]) -> io.BufferedReader:
    """Open a file for reading, decompressed on the fly.

    `advance` gets the numbers of bytes read from the disk. Reading raises DamagedArchive.
    """
    kind = compression_of(path)
    plain: io.BufferedReader = io.BufferedReader(_Counted(path, advance), _CHUNK)
    if kind is None:
        return plain
    file = cast(BinaryIO, plain)
    return io.BufferedReader(_Decompressed(_decompressor(kind, file), file), _CHUNK)
