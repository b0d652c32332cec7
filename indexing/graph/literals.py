"""Values as people write them."""

from __future__ import annotations

import re

from indexing.graph.triples import XSD
from indexing.normalising import normalise

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DATE = re.compile(
    r"(?P<year>-?\d{4,})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?(?P<time>T.*)?"
    r"(?:Z|[+-]\d\d:\d\d)?"
)
_DATES = frozenset(XSD + name for name in ("date", "dateTime", "gYear", "gYearMonth"))
_MIDNIGHT = re.compile(r"T00:00:00(?:\.0+)?(?:Z|[+-]\d\d:\d\d)?")
_SPACES = re.compile(r"\s+")


def render(value: str, datatype: str) -> str:
    """Return a literal as it stands in a sentence: on one line, dates in words.

    >>> render("1815-12-10", XSD + "date"), render("-0043", XSD + "gYear")
    ('10 December 1815', '44 BC')
    """
    if datatype in _DATES:
        match = _DATE.fullmatch(value)
        if match is not None:
            return _date(match)
    return _SPACES.sub(" ", normalise(value)).strip()


def _date(match: re.Match[str]) -> str:
    year = int(match["year"])
    # XML Schema 1.1 has a year 0, which is 1 BC.
    words = [str(year)] if year > 0 else [f"{1 - year} BC"]
    month = int(match["month"] or 0)
    if 1 <= month <= 12:
        words.insert(0, _MONTHS[month - 1])
        if int(match["day"] or 0):
            words.insert(0, str(int(match["day"])))
    time = match["time"] or ""
    if time and not _MIDNIGHT.fullmatch(time):
        words.append(f"at {time[1:]}")
    return " ".join(words)
