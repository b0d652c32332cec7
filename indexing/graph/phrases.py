"""Sentences for relations, by rules on their names in English; see `templates` for their form."""

from __future__ import annotations

import re
from dataclasses import dataclass

_VERB = re.compile(
    r"is|was|has|plays|wears|works|lives|owns|contains|includes|belongs|speaks|"
    r"produces|uses|follows|borders|stars|features|knows|likes|wins|leads|causes|"
    r"treats|requires|supports|creates|writes|directs|studies|teaches|holds|shares|"
    r"serves|runs|loves|hates|edits"
)
_PREPOSITION = re.compile(r"in|at|on|for|of|to|by|from|with|as|into|near|about|through")
_STATE = re.compile(
    r"part|capital|located|based|situated|married|known|used|named|related|dedicated"
)
_BE = ("is", "was", "are", "were")
_IRREGULAR = {"person": "people", "child": "children", "man": "men", "woman": "women"}
_PLURALS = frozenset(_IRREGULAR.values())


@dataclass(frozen=True, slots=True)
class Phrase:
    """How a relation is told of its subject (`forward`) and of its object (`inverse`)."""

    name: str
    forward: str
    inverse: str


def phrase_for(name: str) -> Phrase:
    """Return sentences for a relation by its name in words.

    >>> phrase_for("place of birth").forward
    'The [place|places] of birth of {entity} [is|are] {others}.'
    """
    words = name.split()
    if words[0] in ("has", "in") and len(words) > 1:
        words = words[1:]
    first, last = words[0], words[-1]
    bare = " ".join(words)
    if len(words) > 1 and (first == "born" or (last == "by" and first not in _BE)):
        return _sentences(name, f"was {bare}", f"[was|were] {bare}")
    if _is_verb(words):
        rest = " ".join(words[1:])
        return _sentences(name, bare, f"[{first}|{_bare_verb(first)}] {rest}")
    if len(words) == 1 or not _PREPOSITION.fullmatch(last):
        return _noun(name, words)
    if first.endswith(("ed", "wn")) or _STATE.fullmatch(first):
        return _sentences(name, f"is {bare}", f"[is|are] {bare}")
    single = f"is {'an' if first[0] in 'aeiou' else 'a'} {bare}"
    several = " ".join([_plural(first), *words[1:]]) if len(words) == 2 else bare
    return _sentences(name, single, f"[{single}|are {several}]")


def _sentences(name: str, forward: str, backward: str = "") -> Phrase:
    """Return sentences around a verb, which may need another form where others are its subject."""
    return Phrase(
        name, f"{{entity}} {forward} {{others}}.", f"{{others}} {backward or forward} {{entity}}."
    )


def _noun(name: str, words: list[str]) -> Phrase:
    """Tell a relation whose name says what the other end is."""
    inside = (i for i, word in enumerate(words) if i and _PREPOSITION.fullmatch(word))
    head = next(inside, len(words)) - 1
    word = words[head]
    noun = " ".join(words)
    if _is_plural(word):
        return Phrase(
            name,
            f"The {noun} of {{entity}} are {{others}}.",
            f"{{entity}} is among the {noun} of {{others}}.",
        )
    both = " ".join([*words[:head], f"[{word}|{_plural(word)}]", *words[head + 1 :]])
    return Phrase(
        name,
        f"The {both} of {{entity}} [is|are] {{others}}.",
        f"{{entity}} is the {noun} of {{others}}.",
    )


def _is_verb(words: list[str]) -> bool:
    """Whether a name begins like "is aged", "wears number" or "sits in"."""
    if len(words) == 1:
        return False
    first, second = words[:2]
    if first == "died" or first in _BE or _VERB.fullmatch(first):
        return True
    return first.endswith("s") and _PREPOSITION.fullmatch(second) is not None


def _is_plural(word: str) -> bool:
    return word in _PLURALS or (word.endswith("s") and not word.endswith(("ss", "us", "is")))


def _plural(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if _is_plural(word):
        return word
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


def _bare_verb(verb: str) -> str:
    known = {
        "is": "are",
        "was": "were",
        "died": "died",
        "has": "have",
        "studies": "study",
        "teaches": "teach",
    }
    return known.get(verb, verb[:-1])
