"""Templates of sentences: the user's, else those that the relation's name gives.

A template has `{entity}` (whose passage it is), `{others}` (the entities or values at the other
end, joined), and `[one|many]`, of which the first is taken for one other, else the second.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexing.errors import InputError
from indexing.graph.names import iri_tail
from indexing.graph.phrases import Phrase, phrase_for

_CHOICE = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")
_PLACE = re.compile(r"\{[^{}]*\}")
_FIELDS = frozenset(("name", "forward", "inverse", "skip"))


@dataclass(frozen=True, slots=True)
class Templates:
    """The user's sentences; a relation is looked up by its key, its IRI's tail, or its name."""

    by_relation: Mapping[str, Mapping[str, str]]
    skipped: frozenset[str]

    def has(self, key: str, name: str) -> bool:
        """Whether the user said anything of the relation."""
        return any(given in self.by_relation for given in (key, iri_tail(key), name))

    def is_skipped(self, key: str, name: str) -> bool:
        """Whether the relation is to be left out."""
        return bool(self.skipped) and not self.skipped.isdisjoint((key, iri_tail(key), name))

    def phrase(self, key: str, name: str) -> Phrase:
        """Return the relation's sentences, those that the user did not give by the rules."""
        found: Mapping[str, str] = next(
            (self.by_relation[k] for k in (key, iri_tail(key), name) if k in self.by_relation), {}
        )
        name = found.get("name", name)
        default = phrase_for(name)
        return Phrase(
            name, found.get("forward", default.forward), found.get("inverse", default.inverse)
        )


def load_templates(file: str | None) -> Templates:
    """Read templates from a TOML or JSON file: a table a relation.

    Its fields are `forward`, `inverse`, `name` (in words, for the rules) and `skip` (true: leave
    the relation out).

    Raises:
        InputError: the file is missing, is neither, or a template lacks a placeholder.
    """
    if file is None:
        return Templates({}, frozenset())
    found = _parsed(Path(file))
    kept: dict[str, Mapping[str, str]] = {}
    skipped = set()
    for relation, fields in found.items():
        where = f"{file}: [{relation}]"
        if not isinstance(fields, Mapping) or not set(fields) <= _FIELDS:
            raise InputError(f"{where} must be a table of {', '.join(sorted(_FIELDS))} only.")
        if fields.get("skip") is True:
            skipped.add(relation)
        texts = {name: value for name, value in fields.items() if name != "skip"}
        for name, value in texts.items():
            if not isinstance(value, str) or not value.strip():
                raise InputError(f"{where}: {name} must be a text.")
            if name != "name":
                _check(value, f"{where}: {name}")
        kept[relation] = texts
    return Templates(kept, frozenset(skipped))


def _parsed(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise InputError(
            f"{path}: this is neither TOML nor JSON of templates ({error})."
        ) from error
    if not isinstance(found, Mapping):
        raise InputError(f"{path}: this must be a table with one table a relation.")
    return found


def _check(template: str, where: str) -> None:
    places = _PLACE.findall(template)
    if set(places) != {"{entity}", "{others}"} or places.count("{others}") != 1:
        raise InputError(
            f"{where}: a template has {{entity}}, {{others}} once, and no other placeholder."
        )


def fill(template: str, entity: str, many: bool) -> tuple[str, str]:
    """Return what stands before and behind the others in a sentence."""
    chosen = _CHOICE.sub(lambda match: match[2] if many else match[1], template)
    before, _, after = chosen.partition("{others}")
    return before.replace("{entity}", entity), after.replace("{entity}", entity)
