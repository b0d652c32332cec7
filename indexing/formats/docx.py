"""Word documents by python-docx: paragraphs and tables in order, headings as Markdown's."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from indexing.formats.source import (
    CorpusOptions,
    Located,
    SourceFile,
    reporting_damage,
    require,
)
from indexing.formats.textfiles import one_document
from indexing.headings import first_heading
from indexing.problems import Problems

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import Table, _Row
    from docx.text.paragraph import Paragraph

_HEADING = re.compile(r"Heading ([1-6])")
_DELETED = ".//w:del | .//w:moveFrom | .//w:sdt[w:sdtPr/w:showingPlcHdr]"
# Around paragraphs, rows, cells or words; python-docx passes over all that is in them.
_AROUND = (
    ".//w:sdt | .//w:sdtContent | .//w:ins | .//w:moveTo | .//w:customXml | .//w:smartTag"
    " | .//w:fldSimple"
)


def read_docx(file: SourceFile, options: CorpusOptions, problems: Problems) -> Iterator[Located]:
    """Read one document; its title is its property, else its Title or first heading."""
    docx = require("docx", "python-docx", f"{file.label}")
    with reporting_damage(file, problems), file.open() as stream:
        data = stream.read()
        try:
            word = docx.Document(io.BytesIO(data))
            _accept_changes(word)
            text = "\n\n".join(filter(None, map(_block, word.iter_inner_content())))
            title = word.core_properties.title or first_heading(text)
        except Exception as error:  # zip, XML and key errors on damaged files
            detail = str(error) or type(error).__name__
            problems.report(file.label, None, "unreadable Word document", detail)
            return
        yield from one_document(file, problems, file.name, title, text)


def _accept_changes(word: Document) -> None:
    """Take out what is deleted or a placeholder; put insertions and controls among the rest."""
    body = word.element.body
    for element in body.xpath(_DELETED):
        element.getparent().remove(element)
    for element in body.xpath(_AROUND):  # in the order of the document: the outer ones first
        parent = element.getparent()
        place = parent.index(element)
        parent[place : place + 1] = list(element)


def _block(block: Paragraph | Table) -> str:
    """Return a paragraph's text, or a table's: a line a row, cells apart by tabs."""
    from docx.table import Table

    if isinstance(block, Table):
        return "\n".join("\t".join(_cells(row)) for row in block.rows)
    text = str(block.text).strip()
    style = block.style.name if block.style is not None else ""
    heading = _HEADING.match(style or "")
    if text and (heading or style == "Title"):
        return f"{'#' * int(heading[1]) if heading else '#'} {' '.join(text.split())}"
    return text


def _cells(row: _Row) -> Iterator[str]:
    """Yield each cell's text once; a merged cell comes up once for each place it spans."""
    last = None
    for cell in row.cells:
        if cell._tc is not last:
            last = cell._tc
            yield " ".join(cell.text.split())
