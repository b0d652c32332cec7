"""WikiExtractor's output: `<doc id= url= title=>` blocks; its --json flavour is JSON Lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from indexing.documents import Document
from indexing.formats.records import read_jsonl
from indexing.formats.source import (
    CorpusOptions,
    Located,
    SourceFile,
    decode,
    reporting_damage,
)
from indexing.normalising import normalise
from indexing.problems import Problems

_OPEN = re.compile(rb'<doc id="([^"]*)".*? url="([^"]*)".*? title="(.*)"[^"]*>\s*$')
_CLOSE = b"</doc>"
# What WikiExtractor escapes by default; other entities were resolved by it.
_ESCAPED = re.compile("&(amp|lt|gt|quot|#39|#x27);")
_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "#39": "'", "#x27": "'"}


def read_wikiextractor(
    file: SourceFile, options: CorpusOptions, problems: Problems
) -> Iterator[Located]:
    """Read one document a block."""
    with reporting_damage(file, problems), file.open() as stream:
        first = stream.read(64).lstrip()
    if first.startswith(b"{"):
        yield from read_jsonl(file, options, problems)
    else:
        yield from _read_blocks(file, problems)


def _read_blocks(file: SourceFile, problems: Problems) -> Iterator[Located]:
    opened: re.Match[bytes] | None = None
    line = start = 0
    body: list[bytes] = []
    with reporting_damage(file, problems, lambda: line + 1), file.open() as stream:
        for line, data in enumerate(stream, 1):
            match = _OPEN.match(data) if data.startswith(b"<doc ") else None
            if match is not None:
                if opened is not None:
                    problems.report(file.label, start, "malformed document", "no </doc>")
                opened, start, body = match, line, []
            elif data.rstrip() == _CLOSE and opened is not None:
                document = _document(opened, b"".join(body), start, file, problems)
                opened = None
                if document is not None:
                    yield start, document
            elif opened is not None:
                body.append(data)
            elif data.strip():
                problems.report(file.label, line, "malformed line", "outside of <doc> and </doc>")
    if opened is not None:
        problems.report(file.label, start, "malformed document", "no </doc>")


def _document(
    opened: re.Match[bytes], body: bytes, line: int, file: SourceFile, problems: Problems
) -> Document | None:
    head = decode(b"\n".join(opened.groups()), file, problems, line)
    text = decode(body, file, problems, line + 1)
    if head is None or text is None:
        return None
    document_id, url, title = (normalise(_unescape(part)) for part in head.split("\n"))
    text = normalise(_unescape(text)).strip("\n")
    if text.split("\n", 1)[0].strip() == title.strip():
        text = text[text.find("\n") + 1 :].lstrip("\n") if "\n" in text else ""
    if not text or text.isspace():
        problems.report(file.label, line, "empty text")
        return None
    return Document(id=document_id, title=title, text=text, url=url)


def _unescape(text: str) -> str:
    if "&" not in text:
        return text
    return _ESCAPED.sub(lambda match: _CHARACTERS[match[1]], text)
