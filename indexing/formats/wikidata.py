"""Wikidata's JSON: the dump (an array, one entity a line), JSON Lines, and Special:EntityData.

Of statements the main value is taken: of the preferred ones where there are any, else of the
normal ones; deprecated ones never. Qualifiers, references, sitelinks and external identifiers
are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BufferedReader
from itertools import chain
from typing import Any

from indexing.formats.json_elements import MalformedJson, array_elements, parse
from indexing.formats.source import SourceFile, reporting_damage
from indexing.graph.labels import ALIAS, LABEL
from indexing.graph.triples import WIKIDATA, XSD, Triple
from indexing.problems import Problems

_DESCRIPTION = "http://schema.org/description"
_HEAD = 1 << 16
_LEFT_OUT = frozenset(("external-id", "commonsMedia", "url", "math", "musical-notation"))
_PRECISIONS = {11: ("date", 10), 10: ("gYearMonth", 7), 9: ("gYear", 4)}


def read_wikidata(file: SourceFile, kind: str, problems: Problems) -> Iterator[Triple]:
    """Read labels, descriptions, aliases and statements of all entities, one at a time."""
    del kind
    line = 1
    with reporting_damage(file, problems, lambda: line), file.open() as stream:
        for line, data in _entities(stream, file, problems):
            try:
                found = parse(data, line)
            except MalformedJson as error:
                problems.report(file.label, error.line, "malformed JSON", str(error))
                continue
            several = found.get("entities") if isinstance(found, Mapping) else None
            for entity in several.values() if isinstance(several, Mapping) else [found]:
                try:
                    yield from _triples(entity)
                except (KeyError, TypeError, AttributeError, ValueError) as error:
                    detail = f"{type(error).__name__}: {error}"
                    problems.report(file.label, line, "not a Wikidata entity", detail)


def _entities(
    stream: BufferedReader, file: SourceFile, problems: Problems
) -> Iterator[tuple[int, bytes]]:
    head = stream.read(_HEAD)
    if head.lstrip().startswith(b"["):
        try:
            yield from array_elements(stream, head)
        except MalformedJson as error:
            problems.report(file.label, error.line, "malformed JSON", str(error))
        return
    first, newline, rest = head.partition(b"\n")
    if newline and _is_json(first):
        yield from _lines(first, rest, stream)
    else:
        yield 1, head + stream.read()


def _lines(first: bytes, rest: bytes, stream: BufferedReader) -> Iterator[tuple[int, bytes]]:
    yield 1, first
    pieces = rest.split(b"\n")
    pieces[-1] += stream.readline().removesuffix(b"\n")
    for number, piece in enumerate(chain(pieces, stream), 2):
        if piece.strip():
            yield number, piece


def _is_json(data: bytes) -> bool:
    try:
        parse(data)
    except MalformedJson:
        return False
    return True


def _triples(entity: Mapping[str, Any]) -> Iterator[Triple]:
    key = WIKIDATA + str(entity["id"])
    for field, relation in (("labels", LABEL), ("descriptions", _DESCRIPTION)):
        for text in (entity.get(field) or {}).values():
            yield Triple(key, relation, text["value"], True, "", text["language"])
    for aliases in (entity.get("aliases") or {}).values():
        for text in aliases:
            yield Triple(key, ALIAS, text["value"], True, "", text["language"])
    for relation, statements in (entity.get("claims") or {}).items():
        ranks = {statement.get("rank") for statement in statements}
        wanted = "preferred" if "preferred" in ranks else "normal"
        for statement in statements:
            if statement.get("rank", "normal") == wanted:
                triple = _value(key, WIKIDATA + relation, statement["mainsnak"])
                if triple is not None:
                    yield triple


def _value(key: str, relation: str, snak: Mapping[str, Any]) -> Triple | None:
    """Return a statement's triple; None for unknown values and those that are left out."""
    if snak["snaktype"] != "value" or snak.get("datatype") in _LEFT_OUT:
        return None
    kind, value = snak["datavalue"]["type"], snak["datavalue"]["value"]
    if kind == "wikibase-entityid":
        return Triple(key, relation, WIKIDATA + (value.get("id") or f"Q{value['numeric-id']}"))
    text, datatype, language = _literal(kind, value)
    return Triple(key, relation, text, True, datatype, language)


def _literal(kind: str, value: Any) -> tuple[str, str, str]:
    """Return a value's text, datatype (a quantity's unit counts as such) and language."""
    if kind == "time":
        return *_time(value["time"], int(value["precision"])), ""
    if kind == "monolingualtext":
        return value["text"], "", value["language"]
    if kind == "quantity":
        unit = value.get("unit", "1")
        return value["amount"].lstrip("+"), "" if unit == "1" else unit, ""
    if kind == "globecoordinate":
        return f"{value['latitude']}, {value['longitude']}", "", ""
    return str(value), "", ""


def _time(time: str, precision: int) -> tuple[str, str]:
    """Return a date to its precision, and its datatype; there is no year 0 here."""
    sign, date = time[0], time[1:]
    year, month, day = date.split("T")[0].split("-")
    number = int(year)
    if precision == 7:
        return f"{(number + 99) // 100}. century{' BC' if sign == '-' else ''}", ""
    if precision == 8:
        return f"{number // 10 * 10}s{' BC' if sign == '-' else ''}", ""
    if precision < 7:
        return f"about {number}{' BC' if sign == '-' else ''}", ""
    datatype, _ = _PRECISIONS[min(precision, 11)]
    signed = number if sign == "+" else 1 - number
    text = f"{'-' if signed < 0 else ''}{abs(signed):04d}"
    return text + "".join(
        f"-{part}" for part in (month, day)[: min(precision, 11) - 9]
    ), XSD + datatype
