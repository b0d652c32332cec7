"""Wikipedia plain text without the marks that its extraction left in it."""

from __future__ import annotations

import re

from indexing.sentences import sentences

_TAIL = re.compile(
    r"(?:References|Notes|Footnotes|Citations|Sources|Related pages|See also|Other websites|"
    r"External links|Further reading|Other reading|More reading|Bibliography|Gallery|"
    r"Other pages|Websites|Related articles|Literature|Books)\.?",
    re.IGNORECASE,
)
_PARENTHESES = re.compile(r"\s*\(([^()]*)\)")
_COMMENT = re.compile(r"<!--.*?-->|^.*?-->")
_ZERO_WIDTH = re.compile("[\u200b\u200c\u2060\ufeff\u00ad]")
# A part of a parenthesis whose content, often in another script or in IPA, was lost.
_EMPTY_PART = re.compile(
    r"(?:or|and|also|sometimes|born|pronounced|in|from|the|abbreviated|ipa|listen|simplified|"
    r"traditional|literally|pronunciation|pinyin|[\"'\[\]/\s]|[\w-]+:)*+",
    re.IGNORECASE,
)
# What a lost template, formula, table or link leaves in a sentence.
_DAMAGE = re.compile(
    r"formula_\d|\|\||\||\[\[|\]\]|\{\{|\}\}|<[a-zA-Z/!]|-->|https?:|www\.|&[a-z]+;|__|==|''|"
    r"\bthumb\b|\d+px\b|\bISBN\b|\(\s*[,;.)]|[,;]\s*\)|\(\s|\s\)|\[\s*\]|\]|"
    r"\s[.,;:!?](?:\s|$)|^[,.;:)]|,\s*,|;\s*[,;]|,\.|\.\s*,\s|\.\.$|\"\s*\"(?:\s|$)|"
    r"\b(?:[Oo]f|than|about|between|around|nearly|approximately|an|the|roughly|least"
    r"|is|are|was|were|by)\s?,\s(?!which\b|who\b|where\b|for example\b|however\b|in\b|on\b|at\b|"
    r"as\b|like\b|for\b|to\b|by\b|of\b|but\b|though\b|if\b|when\b|after\b|because\b|with\b)|"
    r"(?<![.\w])(?:[Oo]f|than|between|nearly|approximately|an?|the|and|or|roughly|least)\.(?=\s|$)|"
    r"\b[Oo]f (?:that|this|which), (?:is|was|are)\b|\band \(\d|\b(?:is|are|was|of|about|and) and "
    r"(?:is|are|was|of|about)\b|\bIn , |\b(?:on|in) in \d|\b(?:of|about|between) (?:and|is|was)\b|"
    r"\b(?:the|an?) (?:is|was|are|were|of)\b|\bhas an? (?:and|of)\b"
)
_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_LOST_DASH = re.compile(rf"\b(\d{{4}})(\d{{1,2}} {_MONTH})\b")
_HATNOTE = re.compile(
    r"[\"'(:]*(?:Not to be confused|This (?:article|page|section) |For (?:the|other) .* see |"
    r"(?:See|Main) (?:also|article)|.* redirects here)"
)
_MIN_PARAGRAPH = 8  # words; a shorter line needs a verb
_MIN_WITH_VERB = 4
_VERB = re.compile(r" (?:is|are|was|were|has|have|had) ")
_MAX_HEADING = 8
_ENDED = re.compile(r"[.!?][\"'\u201d)]*$")


def clean_paragraphs(text: str) -> list[str]:
    """Return the paragraphs and the headings (each before its paragraph) of an article's text.

    The text has a paragraph a line, as in the source. What follows the first heading such as
    References is cut off; sentences with damage in them are dropped, and headings that have lost
    their section.
    """
    kept: list[str] = []
    heading: str | None = None
    for line in text.split("\n"):
        line = line.strip()
        if _TAIL.fullmatch(line):
            break
        paragraph = clean_paragraph(line)
        if paragraph is not None:
            if heading is not None:
                kept.append(heading)
            kept.append(paragraph)
            heading = None
        elif is_heading(line):
            heading = line
    return kept


def is_heading(line: str) -> bool:
    """Whether a line is a section's heading: in the source it ends with a full stop."""
    words = line.split()
    return (
        0 < len(words) <= _MAX_HEADING
        and line.endswith(".")
        and _VERB.search(line) is None
        and (line[0].isupper() or line[0].isdigit())
        and _DAMAGE.search(line) is None
    )


def clean_paragraph(line: str) -> str | None:
    """Return the line without damage, or None if it is no paragraph of running text."""
    line = _ZERO_WIDTH.sub("", _COMMENT.sub("", line)).replace("\u00a0", " ")
    line = _LOST_DASH.sub(r"\1 – \2", line)
    line = re.sub(r"\s+", " ", _mend_parentheses(line)).strip()
    if not _is_running_text(line) or _HATNOTE.match(line):
        return None
    parts = _whole_sentences(line)
    if not _ENDED.search(parts[-1]):
        parts.pop()  # cut off in the source
    sound = [part for part in parts if _is_sound(part)]
    # A paragraph that begins with a lost sentence has often lost what "it" and "he" mean.
    if not sound or sound[0] != parts[0] or 2 * len(sound) < len(parts):
        return None
    joined = " ".join(sound)
    return joined if _is_running_text(joined) else None


def _is_running_text(line: str) -> bool:
    """Whether the line is more than a heading, a caption, a list item or a table's cell."""
    words = len(line.split())
    return words >= _MIN_PARAGRAPH or (words >= _MIN_WITH_VERB and _VERB.search(line) is not None)


def _whole_sentences(line: str) -> list[str]:
    """Cut a line into sentences, none of which ends within parentheses."""
    parts: list[str] = []
    begin = 0
    for _, end in sentences(line):
        part = line[begin:end].strip()
        if part.count("(") <= part.count(")"):
            parts.append(part)
            begin = end
    rest = line[begin:].strip()
    return [*parts, rest] if rest else parts


def _is_sound(sentence: str) -> bool:
    return (
        _DAMAGE.search(sentence) is None
        and sentence.count("(") == sentence.count(")")
        and sentence.count('"') % 2 == 0
    )


def _mend_parentheses(line: str) -> str:
    """Drop the empty parts of parentheses, and parentheses that are left empty."""

    def mended(match: re.Match[str]) -> str:
        if "[" in match[1] or "]" in match[1]:
            return ""
        parts = [part.strip(" ,") for part in re.split(r";", match[1])]
        parts = [part for part in parts if _EMPTY_PART.fullmatch(part) is None]
        return f" ({'; '.join(parts)})" if parts else ""

    for _ in range(2):  # twice, for parentheses in parentheses
        line = _PARENTHESES.sub(mended, line)
    return line.lstrip()
