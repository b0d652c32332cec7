"""JSON Lines and JSON: one document an object. BEIR's corpora are such."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader

from indexing.formats.fields import RecordReader
from indexing.formats.json_elements import MalformedJson, array_elements, parse
from indexing.formats.source import (
    CorpusOptions,
    Located,
    SourceFile,
    decode,
    reporting_damage,
)
from indexing.problems import Problems

_BOM = b"\xef\xbb\xbf"
_MAX_OBJECT = 256 << 20
_HEAD = 1 << 16


def read_jsonl(file: SourceFile, options: CorpusOptions, problems: Problems) -> Iterator[Located]:
    """Read one JSON object a line."""
    reader = RecordReader(file, options.fields, problems)
    line = 0
    with reporting_damage(file, problems, lambda: line + 1), file.open() as stream:
        for line, raw in enumerate(stream, 1):
            data = raw.removeprefix(_BOM) if line == 1 else raw
            if not data or data.isspace():
                continue
            document = _json_record(data, line, file, reader, problems)
            if document is not None:
                yield document


def read_json(file: SourceFile, options: CorpusOptions, problems: Problems) -> Iterator[Located]:
    """Read an array of objects, streamed, or a single object."""
    reader = RecordReader(file, options.fields, problems)
    line = 1
    with reporting_damage(file, problems, lambda: line), file.open() as stream:
        for line, data in _objects(stream, file, problems):
            document = _json_record(data, line, file, reader, problems)
            if document is not None:
                yield document


def _objects(
    stream: BufferedReader, file: SourceFile, problems: Problems
) -> Iterator[tuple[int, bytes]]:
    """Yield the objects of an array, or the one object that is the file."""
    head = stream.read(_HEAD).removeprefix(_BOM)
    if head.lstrip().startswith(b"{"):
        data = head + stream.read(_MAX_OBJECT)
        if len(data) > _MAX_OBJECT:
            problems.report(file.label, 1, "malformed JSON", "one object of over 256 MB")
        else:
            yield 1, data
        return
    try:
        yield from array_elements(stream, head)
    except MalformedJson as error:
        problems.report(file.label, error.line, "malformed JSON", str(error))


def _json_record(
    data: bytes, line: int, file: SourceFile, reader: RecordReader, problems: Problems
) -> Located | None:
    text = decode(data, file, problems, line)
    if text is None:
        return None
    try:
        record = parse(text, line)
    except MalformedJson as error:
        problems.report(file.label, error.line, "malformed JSON", str(error))
        return None
    if not isinstance(record, dict):
        problems.report(file.label, line, "not a JSON object")
        return None
    document = reader.document(record, line)
    return None if document is None else (line, document)
