"""CSV and TSV with a header: one document a row. DPR's psgs_w100.tsv is such."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator

from indexing.formats.fields import RecordReader
from indexing.formats.source import (
    CorpusOptions,
    Located,
    SourceFile,
    reporting_damage,
)
from indexing.problems import Problems

_UNDECODED = re.compile("[\udc80-\udcff]")
_UTF16 = ("\udcff\udcfe", "\udcfe\udcff")  # byte order marks, as they are undecoded
_QUOTED = re.compile(r'(?:[^"]++|"")*+')
_MAX_LINES = 10_000  # of one row; a quote that is never closed must not swallow a whole file
_MAX_FIELD = 64 << 20


def read_delimited(
    file: SourceFile, options: CorpusOptions, problems: Problems
) -> Iterator[Located]:
    """Read rows; the delimiter is the one most frequent in the header, the first line not empty.

    Fields may be quoted, over several lines too. Where a stray quote spoils that, its line is
    reported and reading goes on with the next line.
    """
    reader = RecordReader(file, options.fields, problems, lines=True)
    csv.field_size_limit(_MAX_FIELD)
    rows = _Rows(iter(()), ",", 0)
    with reporting_damage(file, problems, lambda: rows.line + 1), file.open() as stream:
        lines = (data.decode("utf-8", "surrogateescape") for data in stream)
        number, first = _first(lines)
        if wrong := _wrong_with_header(first):
            problems.report(file.label, number, *wrong)
            return
        if not first.strip():
            return
        delimiter = max("\t,;|", key=first.count)
        header = next(csv.reader([first], delimiter=delimiter))
        rows = _Rows(lines, delimiter, number)
        while True:
            line = rows.line + 1
            try:
                row = rows.next()
                if row and len(row) != len(header):
                    raise csv.Error(f"{len(row)} columns, the header has {len(header)}")
            except csv.Error as error:
                problems.report(file.label, line, "malformed row", str(error))
                rows.give_back()
                continue
            if row is None:
                return
            if any(not cell.isascii() and _UNDECODED.search(cell) for cell in row):
                problems.report(file.label, line, "invalid UTF-8", "convert it to UTF-8")
            elif row:
                document = reader.document(dict(zip(header, row, strict=True)), line)
                if document is not None:
                    yield line, document


def _first(lines: Iterator[str]) -> tuple[int, str]:
    """Return the first line that is not empty, and its number; nothing where there is none."""
    number, line = 0, ""
    for number, data in enumerate(lines, 1):
        line = data.removeprefix("\ufeff") if number == 1 else data
        if line.strip():
            break
    return number, line


def _wrong_with_header(line: str) -> tuple[str, str] | None:
    """Return why no rows can be read behind such a first line, and what helps."""
    if line.startswith(_UTF16):
        return "UTF-16", "convert it to UTF-8"
    if "\r" in line.rstrip("\r\n"):
        return "malformed header", "lines end in CR alone; convert them to LF"
    return None


class _Rows:
    """Rows from lines; `line` is the number of the last line used, the header's to begin with."""

    def __init__(self, lines: Iterator[str], delimiter: str, line: int) -> None:
        self.line = line
        self._lines = lines
        self._delimiter = delimiter
        self._returned: deque[str] = deque()
        self._used: list[str] = []

    def next(self) -> list[str] | None:
        """Return the next row, of no fields for an empty line, or None at the end.

        A row that is none raises csv.Error.
        """
        self._used = []
        line = self._take()
        if line is None:
            return None
        if '"' not in line:
            line = line.rstrip("\r\n")
            return line.split(self._delimiter) if line else []
        still_open = self._left_open(line, False)
        while still_open and len(self._used) < _MAX_LINES and (line := self._take()) is not None:
            still_open = self._left_open(line, True)
        if still_open:
            raise csv.Error("a quote is not closed")
        # Strict over several lines: text behind a closing quote says that it closed nothing.
        several = len(self._used) > 1
        return next(csv.reader(self._used, delimiter=self._delimiter, strict=several))

    def give_back(self) -> None:
        """Return the lines of the last row to be read again, but for its first."""
        self._returned.extendleft(reversed(self._used[1:]))
        self.line -= len(self._used) - 1

    def _take(self) -> str | None:
        line = self._returned.popleft() if self._returned else next(self._lines, None)
        if line is not None:
            self.line += 1
            self._used.append(line)
        return line

    def _left_open(self, line: str, is_open: bool) -> bool:
        """Whether a quoted field goes on after a line; `is_open` says whether one did before."""
        position = 0
        if not is_open and line.startswith('"'):
            is_open, position = True, 1
        while True:
            if is_open:
                end = _QUOTED.match(line, position).end()  # type: ignore[union-attr]
                if end == len(line):
                    return True
                position = end + 1
            begin = line.find(self._delimiter + '"', position)
            if begin < 0:
                return False
            is_open, position = True, begin + 2
