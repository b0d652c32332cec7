"""Plain text, Markdown and reStructuredText: one document a file."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from indexing.documents import Document
from indexing.formats.source import (
    CorpusOptions,
    Located,
    SourceFile,
    decode,
    reporting_damage,
)
from indexing.headings import first_heading
from indexing.normalising import normalise
from indexing.parts import PART, part_id
from indexing.problems import Problems

_PART = 4 << 20  # bytes; a larger plain text becomes several documents
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?\n)??(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_NAME = re.compile(r"^[\w-]+[ \t]*:(?=\s)", re.MULTILINE)
_SCALAR = re.compile(r"([A-Za-z][\w-]*)[ \t]*:[ \t]+(\S.*?)[ \t]*$", re.MULTILINE)
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_MARKUP = re.compile(r"\[([^\]]*)\]\([^)]*\)|[*`]+|<[^>]+>|\{#[^}]*\}")


def read_text(file: SourceFile, options: CorpusOptions, problems: Problems) -> Iterator[Located]:
    """Read a plain text; one of over 4 MB is cut at line ends into `name`, `name#2`, ..."""
    line = 1
    with reporting_damage(file, problems), file.open() as stream:
        number = 0
        for number, data in enumerate(_parts(stream), 1):
            text = decode(data, file, problems, line)
            if text is not None:
                yield from one_document(
                    file,
                    problems,
                    part_id(file.name, number),
                    file.stem,
                    text,
                    {PART: str(number)} if number > 1 else None,
                    line if number > 1 else None,
                )
            line += data.count(b"\n")
        if number == 0:
            problems.report(file.label, None, "empty text")


def _parts(stream: BinaryIO) -> Iterator[bytes]:
    """Cut a stream into parts at line ends, else at spaces, else between characters."""
    rest = b""
    utf16 = False
    while chunk := stream.read(_PART):
        if not rest:
            utf16 = chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        rest += chunk
        if utf16 or len(rest) < _PART:
            continue
        cut = max(rest.rfind(b"\n"), 0) or max(rest.rfind(b" "), 0)
        if not cut:
            cut = len(rest) - 1
            while cut > len(rest) - 4 and rest[cut] & 0xC0 == 0x80:
                cut -= 1
            cut -= 1
        yield rest[: cut + 1]
        rest = rest[cut + 1 :]
    if rest:
        yield rest


def read_markdown(
    file: SourceFile, options: CorpusOptions, problems: Problems
) -> Iterator[Located]:
    """Read Markdown as it stands; front matter becomes title and metadata."""
    with reporting_damage(file, problems), file.open() as stream:
        source = decode(stream.read(), file, problems)
        if source is not None:
            metadata, text = _front_matter(normalise(source))
            title = metadata.pop("title", "") or _plain(first_heading(text))
            yield from one_document(file, problems, file.name, title, text, metadata)


def _plain(heading: str) -> str:
    """Return a heading's words without pictures, addresses and marks."""
    return _MARKUP.sub(r"\1", _IMAGE.sub("", heading)).strip()


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """Split off a YAML block at the start; return its plain `name: value` lines and the rest.

    Between two rules there may also be text: it begins with an empty line, or names nothing.
    """
    match = _FRONT_MATTER.match(text)
    block = match[1] or "" if match else ""
    begins_empty = not block.partition("\n")[0].strip()
    if match is None or (block and (begins_empty or not _NAME.search(block))):
        return {}, text
    pairs = _SCALAR.findall(block)
    return {name: value.strip("\"'") for name, value in pairs}, text[match.end() :]


def read_rst(file: SourceFile, options: CorpusOptions, problems: Problems) -> Iterator[Located]:
    """Read reStructuredText as it stands."""
    with reporting_damage(file, problems), file.open() as stream:
        text = decode(stream.read(), file, problems)
        if text is not None:
            title = first_heading(normalise(text))
            yield from one_document(file, problems, file.name, title, text)


def one_document(
    file: SourceFile,
    problems: Problems,
    document_id: str,
    title: str,
    text: str,
    metadata: dict[str, str] | None = None,
    line: int | None = None,
) -> Iterator[Located]:
    """Yield the document, or report that its text is empty; the file's name may be its title."""
    text = normalise(text)
    if not text or text.isspace():
        problems.report(file.label, line, "empty text")
        return
    title = " ".join(normalise(title).split()) or file.stem
    yield line, Document(id=document_id, title=title, text=text, metadata=metadata or {})
