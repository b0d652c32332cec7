"""Readable names of relations and entities that have no label."""

from __future__ import annotations

import re
from urllib.parse import unquote

_WORDS = re.compile(r"[_\s]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_INVERSE_END = re.compile(r"(?i)(?:[_\s.-]inv(?:erse)?|\^-1|Inverse|-)$")
_INVERSE_START = re.compile(r"(?i)^(?:~|\^|inverse[_\s]+of[_\s]+|inv(?:erse)?[_:])")


def iri_tail(key: str) -> str:
    """Return what comes behind an IRI's last `#`, `/` or `:`, percent signs decoded."""
    if "://" not in key and not key.startswith("urn:"):
        return key
    trimmed = key.rstrip("/#")
    tail = re.split(r"[#/]", trimmed)[-1] if "://" in key else trimmed.rsplit(":", 1)[-1]
    return unquote(tail) or key


def entity_name(key: str) -> str:
    """Return the name of an entity that has no label.

    >>> entity_name("http://dbpedia.org/resource/Ada_Lovelace")
    'Ada Lovelace'
    """
    tail = iri_tail(key)
    return tail if " " in tail else _WORDS.sub(" ", tail).strip() or key


def relation_name(key: str) -> str:
    """Return a relation's name in words.

    >>> relation_name("http://dbpedia.org/ontology/birthPlace"), relation_name("/film/directed_by")
    ('birth place', 'directed by')
    """
    tail = re.split(r"[/.]", iri_tail(key).strip("/."))[-1]
    words = _WORDS.sub(" ", _CAMEL.sub(" ", tail)).strip()
    # Words in capitals are abbreviations (IMDb is not, but nobody can know).
    return " ".join(w if len(w) > 1 and w.isupper() else w.lower() for w in words.split()) or key


def without_inverse(relation: str) -> tuple[str, bool]:
    """Return a relation without the mark that it runs backwards, and whether it had one.

    >>> without_inverse("plays_in_club_inverse"), without_inverse("~director")
    (('plays_in_club', True), ('director', True))
    """
    for pattern in (_INVERSE_END, _INVERSE_START):
        bare = pattern.sub("", relation)
        if bare and bare != relation:
            return bare, True
    return relation, False
