"""The contexts of SQuAD-type JSON, each once, streamed article by article."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from indexing.compression import without_suffix
from indexing.documents import Document
from indexing.formats.json_elements import MalformedJson, array_elements, parse
from indexing.formats.source import (
    CorpusOptions,
    Located,
    SourceFile,
    decode,
    reporting_damage,
)
from indexing.normalising import normalise
from indexing.problems import Problems


def read_squad(file: SourceFile, options: CorpusOptions, problems: Problems) -> Iterator[Located]:
    """Read each different context as a document named `file#article.paragraph`, from 1."""
    seen: set[bytes] = set()
    line = 1
    with reporting_damage(file, problems, lambda: line), file.open() as stream:
        try:
            for number, (line, data) in enumerate(array_elements(stream, key=b"data"), 1):
                article = _article(data, line, file, problems)
                if article is not None:
                    prefix = f"{without_suffix(file.name)}#{number}"
                    for document in _contexts(article, prefix, line, file, problems, seen):
                        yield line, document
        except MalformedJson as error:
            problems.report(file.label, error.line, "malformed JSON", str(error))


def _article(data: bytes, line: int, file: SourceFile, problems: Problems) -> dict[str, Any] | None:
    text = decode(data, file, problems, line)
    if text is None:
        return None
    try:
        article = parse(text, line)
    except MalformedJson as error:
        problems.report(file.label, error.line, "malformed JSON", str(error))
        return None
    if not isinstance(article, dict) or not isinstance(article.get("paragraphs"), list):
        problems.report(file.label, line, "missing field 'paragraphs'")
        return None
    return article


def _contexts(
    article: dict[str, Any],
    prefix: str,
    line: int,
    file: SourceFile,
    problems: Problems,
    seen: set[bytes],
) -> Iterator[Document]:
    # Titles are those of Wikipedia's addresses: Beyonc%C3%A9, Super_Bowl_50.
    title = normalise(unquote(str(article.get("title") or "")).replace("_", " ")).strip()
    for number, paragraph in enumerate(article["paragraphs"], 1):
        context = paragraph.get("context") if isinstance(paragraph, dict) else None
        if not isinstance(context, str):
            detail = f"paragraph {number} of the article"
            problems.report(file.label, line, "missing field 'context'", detail)
            continue
        text = normalise(context)
        if not text or text.isspace():
            problems.report(file.label, line, "empty text", f"paragraph {number} of the article")
            continue
        digest = hashlib.blake2b(text.encode(), digest_size=12).digest()
        if digest not in seen:
            seen.add(digest)
            yield Document(id=f"{prefix}.{number}", title=title, text=text)
