"""Which format a file is in, by its name and its first bytes."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping

from indexing.compression import DamagedArchive
from indexing.errors import InputError
from indexing.formats.json_elements import MalformedJson, parse
from indexing.formats.source import SourceFile
from indexing.formats.triple_lines import holds_triples

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
    ".nt": "ntriples",
    ".nq": "nquads",
    ".ttl": "turtle",
    ".trig": "trig",
    ".rdf": "rdfxml",
    ".owl": "rdfxml",
    ".jsonld": "jsonld",
}
_BY_MAGIC: Mapping[bytes, str] = {
    b"%PDF-": "pdf",
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"<doc id=": "wikiextractor",
}
# Atomic groups: comments are not cut anew where the tag behind them is another.
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?>(?:<!--.*?-->\s*)*)<(?:!doctype html|html)\b", re.I | re.S
)
_RDF_XML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?>(?:<!--.*?-->\s*|<!DOCTYPE.*?\]>\s*)*)<rdf:RDF\b", re.S
)
_STATEMENT = re.compile(rb"\s*(?:<[^<>\s]+>|_:\S+)\s+<[^<>\s]+>\s+(?:<|_:|\").*\.\s*(?:#.*)?$")
_TURTLE = re.compile(rb"\s*(?:#[^\n]*\n\s*)*(?:@prefix|@base|PREFIX|BASE)\s", re.I)
_JSON_LD = re.compile(rb'"@(?:context|graph|id)"\s*:')
_WIKIDATA = re.compile(
    rb'\s*[\[{]?\s*(?:"entities"\s*:\s*\{\s*"[QP]\d+"\s*:\s*)?\{[^{}]*"(?:type|id)"\s*:\s*"(?:item|property|[QP]\d+)"'
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
    if by_suffix in ("csv", "tsv", "text"):
        head = _head(file)
        if holds_triples(head, by_suffix, whole=len(head) < _HEAD):
            return "triples"
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
    if head.lstrip()[:1] in (b"{", b"["):
        return _kind_of_json(head)
    return _kind_of_text(head)


def _kind_of_text(head: bytes) -> str | None:
    if _HTML.match(head):
        return "html"
    if (rdf := _rdf(head)) is not None:
        return rdf
    if holds_triples(head, "text", whole=len(head) < _HEAD):
        return "triples"
    return "text" if _is_text(head) else None


def _rdf(head: bytes) -> str | None:
    """Return the RDF format that a file without a known suffix is in, if it is one."""
    if _RDF_XML.match(head):
        return "rdfxml"
    if _TURTLE.match(head):
        return "turtle"
    lines = [line for line in head.split(b"\n")[:20] if line.strip() and line[:1] != b"#"]
    if lines and all(_STATEMENT.match(line) for line in lines[:-1] or lines):
        return "nquads"  # of which N-Triples are a part
    return None


def _kind_of_json(head: bytes) -> str:
    """Tell JSON Lines, an array or object, and SQuAD's JSON from each other."""
    text = head.lstrip()
    if _WIKIDATA.match(head) and b'"labels"' in head:
        return "wikidata"
    if text.startswith(b"["):
        return "jsonld" if _JSON_LD.search(head) else "json"
    line, newline, rest = text.partition(b"\n")
    try:
        whole = isinstance(parse(line), dict)
    except MalformedJson:
        whole = False
    if _SQUAD.search(head) and b'"paragraphs"' in head and not (whole and b'"data"' not in line):
        return "squad"
    if whole or len(line) == len(head) or not text.startswith(b"{"):
        return "jsonl" if rest.strip() or not _JSON_LD.search(line) else "jsonld"
    if _JSON_LD.search(head) and not _has_lines(text):
        return "jsonld"
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
