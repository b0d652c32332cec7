"""The one place where text is changed between its source and the store.

It stays minimal, so that offsets into the stored text are as good as offsets into the source:

- line ends CR LF and CR become LF;
- NUL characters and one byte order mark at the start are removed;
- lone surrogates, which no UTF-8 file can hold, become U+FFFD.

Nothing else happens: no Unicode normalisation, no stripping, no case folding.
"""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def normalise(text: str) -> str:
    """Return the text as it will be stored."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    if text.startswith("\ufeff"):
        text = text[1:]
    return replace_surrogates(text)


def replace_surrogates(text: str) -> str:
    """Return the text as a UTF-8 file can hold it; offsets into it stay as they are."""
    try:
        text.encode("utf-8")  # much faster than looking for surrogates, which are rare
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text
