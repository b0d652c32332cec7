"""PDF by pypdf: the text of the pages, apart by empty lines."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

from indexing.formats.source import (
    CorpusOptions,
    Located,
    SourceFile,
    reporting_damage,
    require,
)
from indexing.formats.textfiles import one_document
from indexing.problems import Problems

REASON = "unreadable PDF"


def read_pdf(file: SourceFile, options: CorpusOptions, problems: Problems) -> Iterator[Located]:
    """Read one document; a page that cannot be read is reported and left out."""
    pypdf = require("pypdf", "pypdf", f"{file.label}")
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # its warnings are not for users
    with reporting_damage(file, problems), file.open() as stream:
        data = stream.read()
        try:
            pdf = pypdf.PdfReader(io.BytesIO(data))
            if pdf.is_encrypted and not pdf.decrypt(""):
                problems.report(file.label, None, REASON, "it needs a password")
                return
            pages = list(pdf.pages)
            title = str((pdf.metadata and pdf.metadata.title) or "")
        except Exception as error:  # pypdf raises all sorts on damaged files
            problems.report(file.label, None, REASON, _in_words(error))
            return
        text = _text(pages, file, problems)
        if pages and not text.strip():
            problems.report(file.label, None, "PDF without text", "scanned pages need OCR first")
            return
        yield from one_document(file, problems, file.name, title, text)


def _text(pages: list[Any], file: SourceFile, problems: Problems) -> str:
    texts = []
    for number, page in enumerate(pages, 1):
        try:
            texts.append(page.extract_text().strip())
        except Exception as error:  # pypdf raises all sorts on damaged files
            problems.report(
                file.label, None, "unreadable PDF page", f"{number}: {_in_words(error)}"
            )
    return "\n\n".join(text for text in texts if text)


def _in_words(error: Exception) -> str:
    return str(error) or type(error).__name__
