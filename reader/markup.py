"""Markup that a reader passes over, and parts of a text that no answer leaves or cuts.

A reader has learnt from plain sentences. The marks of Markdown and HTML are noise to it, and so are
the signs and numbers before the items of a list; it reads the text without them, while they stay
in the text, and offsets count them. All offsets are in code points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_SUSPECT = re.compile(r"[`*#<\\_]|\]\(")
_TARGET = r"\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+\"[^\"\n]*\")?\)"
_TAGS = (
    "a|b|i|u|p|q|s|br|hr|em|tt|h[1-6]|li|ul|ol|dl|dt|dd|td|th|tr|table|thead|tbody|img|pre|kbd|"
    "sub|sup|code|span|div|strong|small|center|details|summary|blockquote"
)
_MARK = re.compile(
    rf"!\[[^\]\n]*{_TARGET}"  # an image, with what stands in for it
    rf"|{_TARGET}"  # where a link leads
    rf"|\[(?=[^\[\]\n]*{_TARGET})"
    r"|`+"
    r"|(?<!\w)\*{2,3}(?=\S)|(?<=\S)\*{2,3}(?!\w)"
    r"|^[ ]{0,3}\#{1,6}(?=[ \t])"
    rf"|</?(?:{_TAGS})(?:\s[^<>\n]*)?/?>"
    r"|\\(?=[\\`*_{}\[\]()#+\-.!|])",  # an escape
    re.MULTILINE | re.IGNORECASE,
)
_EMPHASIS = re.compile(
    r"(?<![\w*\\])\*(?=[^\s*])[^*`\n]*(?<=[^\s*`\\])\*(?![\w*])"
    r"|(?<![\w\\])_(?=[^\s_])[^_`\n]*(?<=[^\s_`\\])_(?!\w)"
)
_RUN = re.compile(r"`+|\*+|(?<!\w)_(?=\w)|(?<=\w)_(?!\w)")
_ITEM = re.compile(r"^[ \t]*(?:[-*+\u2022]|(\d{1,3})[.)])(?=[ \t])", re.MULTILINE)
_HEADING = r"[ ]{0,3}\#{1,6}[ \t]"
_BREAK = re.compile(
    rf"\n(?=[ \t]*(?:\n|[-*+\u2022>|][ \t]|\d{{1,3}}[.)][ \t])|{_HEADING})"
    rf"|^(?:{_HEADING})[^\n]*(?=\n)",
    re.MULTILINE,
)
_JOINT = re.compile(r"[.@_](?<=\w.)(?=[a-z0-9_])|\.(?<=[A-Z].)(?=[A-Z][a-z])")


def marks(text: str) -> Iterator[tuple[int, int]]:
    """Yield the half-open ranges of a text's marks, in no order; some may share a part.

    Marks are links' targets, images, emphasis, back quotes, headings' signs, escapes, common HTML
    tags, and what stands before the items of a list: signs, and numbers where one follows another.
    """
    if "\n" in text:
        yield from _items(text)
    if _SUSPECT.search(text) is None:
        return
    for match in _MARK.finditer(text):
        yield match.span()
    for match in _EMPHASIS.finditer(text):
        yield match.start(), match.start() + 1
        yield match.end() - 1, match.end()


def _items(text: str) -> Iterator[tuple[int, int]]:
    found = list(_ITEM.finditer(text))
    numbers = {int(match[1]) for match in found if match[1]}
    for match in found:
        # A number alone may be a date's day, at the begin of a line by chance.
        if not match[1] or numbers & {int(match[1]) - 1, int(match[1]) + 1}:
            yield match.span()


def breaks(text: str) -> list[int]:
    """Return the line ends, ascending, after which another block begins.

    Blocks are paragraphs with an empty line between them, headings, and the items of lists.
    """
    if "\n" not in text:
        return []
    # A heading's own line end follows it; another break is itself the line end before.
    return [match.start() if match[0] == "\n" else match.end() for match in _BREAK.finditer(text)]


def joints(text: str) -> list[int]:
    """Return where a name goes on after a point, an at sign or a low line, as in `jobs.lua`.

    A point before a capital letter joins only after another capital (`GM.Config`): elsewhere a
    space may be missing between sentences.
    """
    return [match.start() for match in _JOINT.finditer(text)]


def whole(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a range that holds one half of a pair of marks, where the other is next to it.

    What says `**Stop** button` shall not be cited as `Stop** button`.
    """
    runs = _RUN.findall(text, start, end)
    if not runs:
        return start, end
    before = _RUN.findall(text, 0, start)
    for mark in dict.fromkeys(runs):
        if runs.count(mark) % 2 == 0:
            continue
        # Every second one closes: no mark is taken by what stands to both of its sides.
        if before.count(mark) % 2:
            start -= len(mark) if text.endswith(mark, 0, start) else 0
        elif text.startswith(mark, end):
            end += len(mark)
    return start, end
