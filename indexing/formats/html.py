"""HTML by the standard library's parser: text with its headings as Markdown's."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from html.parser import HTMLParser

from indexing.formats.source import (
    CorpusOptions,
    Located,
    SourceFile,
    decode,
    reporting_damage,
)
from indexing.formats.textfiles import one_document
from indexing.normalising import normalise
from indexing.problems import Problems

_NO_TEXT = frozenset(
    ("script", "style", "noscript", "template", "svg", "math", "iframe", "object", "head")
)
_AROUND = frozenset(("nav", "footer", "dialog", "button", "select", "textarea"))
_BLOCKS = frozenset(
    (
        "address",
        "article",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
        "aside",
        "nav",
        "form",
    )
)
_LINES = frozenset(("li", "tr", "dt", "dd"))
_CELLS = frozenset(("td", "th"))
_UNFOLDING = frozenset(("summary", "dt"))  # a button in them, or in a heading, is their text
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_SPACES = re.compile(r"[ \t\n\r\f]+")
# What browsers take names of encodings for, by Python's names; no page that says in ASCII what it
# is in can be in UTF-16. The rest are Python's own and no encodings of pages.
_READ_AS = {"iso8859-1": "cp1252", "ascii": "cp1252"}
_NOT_OF_PAGES = ("utf-16", "utf-32", "utf-7", "idna", "punycode", "undefined", "unicode", "raw")
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)


class _TextOf(HTMLParser):
    """Collects the text of a page and its title."""

    def __init__(self, skip: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.heading = ""  # the first one
        self._skip = skip
        self._skipping: list[str] = []
        self._pre = 0
        self._in_title = False
        self._in_heading: list[str] | None = None
        self._unfolding = ""  # the tag of such an element that is open
        self._pieces: list[str] = []
        self._newlines = 0  # due before the next text
        self._mark = ""  # a heading's, due after them

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._skipping == ["head"] and (tag in _BLOCKS or tag in _HEADINGS):
            self._skipping.clear()  # nothing of these is in a head, so it was never closed
        if tag == "title" and not self.title and "svg" not in self._skipping:
            self._in_title = True
        elif tag == "body":
            self._skipping.clear()  # whatever was left open in a head
        elif tag in self._skip and not (tag == "button" and self._is_text()):
            self._skipping.append(tag)
        elif self._skipping:
            return
        elif tag == "br":
            self._break(1)
        elif tag in _HEADINGS:
            self._break(2)
            self._mark = _HEADINGS[tag]
            self._in_heading = []
        elif tag in _CELLS:
            self._add(" ")
        elif tag in _BLOCKS:
            self._break(1 if tag in _LINES else 2)
            self._pre += tag == "pre"
            if tag in _UNFOLDING or tag == "dd":  # which ends a <dt> that was not closed
                self._unfolding = tag if tag in _UNFOLDING else ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag in self._skipping:
            while self._skipping.pop() != tag:
                pass
        elif self._skipping:
            return
        elif tag in _HEADINGS and self._in_heading is not None:
            self.heading = self.heading or "".join(self._in_heading).strip()
            self._in_heading = None
            self._mark = ""
            self._break(2)
        elif tag in _BLOCKS:
            self._break(1 if tag in _LINES else 2)
            self._pre -= tag == "pre" and self._pre > 0
            if tag == self._unfolding:
                self._unfolding = ""

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._skipping:
            self._add(data)

    def _is_text(self) -> bool:
        """Whether a button here is a heading to click on, not a control."""
        return self._in_heading is not None or bool(self._unfolding)

    def _break(self, newlines: int) -> None:
        if self._in_heading is not None:
            self._add(" ")  # a heading stays on its line
        else:
            self._newlines = max(self._newlines, newlines)

    def _add(self, data: str) -> None:
        if not self._pre or self._in_heading is not None:
            data = _SPACES.sub(" ", data)
            if self._newlines or not self._pieces or self._pieces[-1].endswith((" ", "\n")):
                data = data.lstrip(" ")
        if not data:
            return
        if self._newlines and self._pieces:
            self._pieces[-1] = self._pieces[-1].rstrip(" ")
            self._pieces.append("\n" * self._newlines)
        self._newlines = 0
        self._pieces.append(self._mark + data)
        self._mark = ""
        if self._in_heading is not None:
            self._in_heading.append(data)

    @property
    def unclosed(self) -> bool:
        """Whether a menu or the like went on to the page's end."""
        return not _AROUND.isdisjoint(self._skipping)

    def text(self) -> str:
        """Return the page's text: headings as Markdown's, paragraphs apart by one empty line."""
        return "".join(self._pieces).strip()


def page_text(source: str) -> tuple[str, str]:
    """Return title and text of a page; menus, scripts and controls are left out of the text."""
    page = _parse(source, _NO_TEXT | _AROUND)
    if page.unclosed or not page.text().strip():  # a menu that was never closed, or nothing else
        page = _parse(source, _NO_TEXT)
    return " ".join((page.title or page.heading).split()), page.text()


def _parse(source: str, skip: frozenset[str]) -> _TextOf:
    page = _TextOf(skip)
    page.feed(source)
    page.close()
    return page


def read_html(file: SourceFile, options: CorpusOptions, problems: Problems) -> Iterator[Located]:
    """Read one page: UTF-8, UTF-16 with its mark, or the encoding that the page declares."""
    with reporting_damage(file, problems), file.open() as stream:
        source = _decode(stream.read(), file, problems)
        if source is not None:
            title, text = page_text(normalise(source))
            yield from one_document(file, problems, file.name, title, text)


def _decode(data: bytes, file: SourceFile, problems: Problems) -> str | None:
    declared = _CHARSET.search(data[:4096])
    if declared and not data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        try:
            name = codecs.lookup(declared[1].decode("ascii")).name
            if not name.startswith(_NOT_OF_PAGES):
                return data.decode(_READ_AS.get(name, name))
        except (LookupError, ValueError):
            pass  # pages lie about their encoding; UTF-8 is the likeliest truth
    return decode(data, file, problems)
