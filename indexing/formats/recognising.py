"""Which format a file is in, by its name and its first bytes."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping

from indexing.compression import DamagedArchive
from indexing.errors import InputError
from indexing.formats.source import SourceFile

_HEAD = 1 << 16
_BY_SUFFIX: Mapping[str, str] = {
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".rst": "rst",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
}
_BY_MAGIC: Mapping[bytes, str] = {
    b"%PDF-": "pdf",
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"<doc id=": "wikiextractor",
}
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype html|html)\b", re.I | re.S
)
_SQUAD = re.compile(rb'"data"\s*:\s*\[')


def recognise(file: SourceFile, *, in_folder: bool) -> str | None:
    """Return the name of a file's format, or None where a file of a folder is to be left out.

    A suffix that is known decides; files without any are looked into. A file that the user
    named is looked into whatever its suffix; if it is nothing known, an InputError is raised.
    """
    by_suffix = _BY_SUFFIX.get(file.suffix)
    if by_suffix == "json":
        return _kind_of_json(_head(file))
    if by_suffix is not None:
        return by_suffix
    if in_folder and file.suffix:
        return None
    head = _head(file)
    by_content = _by_content(file, head)
    if by_content is None and not in_folder:
        if _is_archive(head):
            raise InputError(f"{file.label} is an archive: unpack it and give its folder.")
        raise InputError(
            f"{file.label} is in no format that is known; if it is one, name it with --format."
        )
    return by_content


def _head(file: SourceFile) -> bytes:
    """Return a file's first bytes, decompressed; damage is the reader's to report."""
    try:
        with SourceFile(file.path, file.name).open() as stream:
            return stream.read(_HEAD).removeprefix(b"\xef\xbb\xbf")
    except DamagedArchive:
        return b""


def _by_content(file: SourceFile, head: bytes) -> str | None:
    for magic, kind in _BY_MAGIC.items():
        if head.lstrip().startswith(magic):
            return kind
    if head.startswith(b"PK\x03\x04") and _is_word(file):
        return "docx"
    if _is_archive(head):
        return None
    if _HTML.match(head):
        return "html"
    if head.lstrip()[:1] in (b"{", b"["):
        return _kind_of_json(head)
    return "text" if _is_text(head) else None


def _kind_of_json(head: bytes) -> str:
    """Tell JSON Lines, an array or object, and SQuAD's JSON from each other."""
    text = head.lstrip()
    if text.startswith(b"["):
        return "json"
    line, newline, _ = text.partition(b"\n")
    try:
        whole = isinstance(json.loads(line), dict)
    except ValueError:
        whole = False
    if _SQUAD.search(head) and b'"paragraphs"' in head and not (whole and b'"data"' not in line):
        return "squad"
    if whole or len(line) == len(head) or not text.startswith(b"{"):
        return "jsonl"
    # A broken first line of many is JSON Lines; an object over several lines is JSON.
    return "json" if not newline or line.strip() in (b"{", b"") or not _has_lines(text) else "jsonl"


def _has_lines(text: bytes) -> bool:
    """Whether most complete lines are JSON objects on their own."""
    lines = text.split(b"\n")[:-1]
    return sum(line.startswith(b"{") for line in lines) * 2 > len(lines)


def _is_archive(head: bytes) -> bool:
    return head[257:262] == b"ustar" or head.startswith(b"PK\x03\x04")


def _is_word(file: SourceFile) -> bool:
    if file.compressed:
        return True
    try:
        with zipfile.ZipFile(file.path) as archive:
            return "word/document.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False


def _is_text(head: bytes) -> bool:
    """Whether bytes may be the start of a text in UTF-8 or in UTF-16 with its mark."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if not head or b"\0" in head:
        return False
    try:
        head[:-3].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end >= len(head[:-3]) and len(head) > 3
    return True
