"""JSON that may be malformed, and the elements of an array one by one, without it in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import BufferedReader
from typing import Any

from indexing.compression import DamagedArchive

_CHUNK = 1 << 20
_MAX_ELEMENT = 256 << 20
# Whole strings, so that brackets in them do not count. An unfinished string has no group 1.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(")?|[\[\]{},]', re.DOTALL)


class MalformedJson(Exception):
    """It is no JSON, or an array without beginning or end; `line` is where that shows."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def parse(data: str | bytes, line: int = 1) -> Any:
    """Return what a piece of JSON says that starts at `line`, or raise MalformedJson."""
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        raise MalformedJson(error.msg, line + error.lineno - 1) from error
    except UnicodeDecodeError as error:
        raise MalformedJson("invalid UTF-8; convert it to UTF-8", line) from error
    except RecursionError as error:
        raise MalformedJson("nested too deeply", line) from error
    except ValueError as error:  # Python reads no longer ones
        raise MalformedJson("a number of thousands of digits", line) from error


class _Buffer:
    """The part of a stream from the current element on, and its line."""

    def __init__(self, stream: BufferedReader, head: bytes) -> None:
        self._stream = stream
        self._damage: DamagedArchive | None = None
        self._line = 1
        self._counted = 0  # where in `data` that line was counted up to
        self.data = head

    def drop(self, count: int) -> None:
        """Forget what was dealt with."""
        self.line_at(count)
        self._counted -= count
        self.data = self.data[count:]

    def more(self) -> bool:
        """Read on; what is held grows by half at least, so that joining it stays cheap.

        Damage shows only when all that came before it was used.
        """
        if self._damage is not None:
            raise self._damage
        wanted = max(_CHUNK, len(self.data) // 2)
        chunks = []
        try:
            while wanted > 0 and (chunk := self._stream.read1(wanted)):
                chunks.append(chunk)
                wanted -= len(chunk)
        except DamagedArchive as error:
            self._damage = error
        self.data += b"".join(chunks)
        return bool(chunks) or self._damage is not None

    def line_at(self, position: int) -> int:
        """Return the line of a position in `data`; positions come in rising order."""
        self._line += self.data.count(b"\n", self._counted, position)
        self._counted = max(self._counted, position)
        return self._line


def array_elements(
    stream: BufferedReader, head: bytes = b"", key: bytes | None = None
) -> Iterator[tuple[int, bytes]]:
    """Yield the line and the bytes of each element of the array that a file is.

    With `key`, the array may also be that field of the object that the file is. `head` is what
    was read of the stream before. An element that is not JSON itself is yielded all the same,
    for its brackets decide where it ends.
    """
    buffer = _Buffer(stream, head)
    base = _enter(buffer, key)
    depth = base
    start = position = 0  # of the element, and of what was not looked at yet
    while True:
        for token in _TOKEN.finditer(buffer.data, position):
            kind = token[0][:1]
            if kind == b'"' and token[1] is None:
                position = token.start()
                break
            position = token.end()
            if kind in b"[{":
                depth += 1
            elif kind in b"]}" and depth > base:
                depth -= 1
            elif kind in b",]" and depth == base:
                element = buffer.data[start : token.start()]
                line = buffer.line_at(start + len(element) - len(element.lstrip()))
                if element.strip():
                    yield line, element.strip()
                if kind == b"]":
                    return
                start = position
        else:
            position = max(position, start)
        buffer.drop(start)
        position -= start
        start = 0
        if len(buffer.data) > _MAX_ELEMENT:
            raise MalformedJson("one element of over 256 MB", buffer.line_at(0))
        if not buffer.more():
            lead = len(buffer.data) - len(buffer.data.lstrip())
            raise MalformedJson("the array does not end", buffer.line_at(lead))


def _enter(buffer: _Buffer, key: bytes | None) -> int:
    """Move the buffer behind the array's opening bracket; return the depth inside it."""
    while True:
        depth = 0
        last = b""
        for token in _TOKEN.finditer(buffer.data):
            kind = token[0][:1]
            if kind == b'"':
                if token[1] is None:
                    break
                last = token[0]
            elif kind == b"[" and (
                depth == 0 or (key is not None and depth == 1 and last == b'"' + key + b'"')
            ):
                buffer.drop(token.end())
                return depth + 1
            elif kind in b"[{":
                depth += 1
            elif kind in b"]}":
                depth -= 1
        if len(buffer.data) > _MAX_ELEMENT or not buffer.more():
            raise MalformedJson("there is no array of objects", 1)
