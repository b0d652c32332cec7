"""Where headings stand in Markdown and reStructuredText."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ATX = re.compile(r" {0,3}#{1,6}[ \t]+(?=[^\s#])")
_UNDERLINE = re.compile(r"([=\-~^\"'*+#`:.])\1{2,}[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_LINE = re.compile(r"[^\n]*\n?")


def headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and words of each heading, in order.

    A heading is `# so` or underlined (`===`, `---` and reStructuredText's other marks), with an
    overline or without. Fenced code holds none.
    """
    fence = ""
    before = ("", 0)  # the line before, and its start
    above = ("", 0)  # the one before that
    for match in _LINE.finditer(text):
        line = match[0].rstrip("\n")
        if fence:
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            line = ""
        elif (opened := _FENCE.match(line)) and not _underlines(line, before[0]):
            fence = opened[1]
            line = ""
        elif atx := _ATX.match(line):
            yield match.start(), match.start() + len(line), line[atx.end() :].rstrip("# \t")
            line = ""
        elif _underlines(line, before[0]):
            overlined = above[0].rstrip() == line.rstrip()
            if overlined or not above[0].strip():
                start = above[1] if overlined else before[1]
                yield start, match.start() + len(line), before[0].strip()
                line = ""
        above, before = before, (line, match.start())


def _underlines(line: str, title: str) -> bool:
    """Whether a line of marks underlines a title: as long as it, or Markdown's === and ---."""
    if not title.strip() or not _UNDERLINE.match(line):
        return False
    if _UNDERLINE.match(title) or title.lstrip()[0] in "|>":
        return False
    return line[0] in "=-" or len(line.rstrip()) >= len(title.strip())


def first_heading(text: str) -> str:
    """Return the words of the first heading, or nothing."""
    return next((words for _, _, words in headings(text)), "")
