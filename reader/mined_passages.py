"""What stands in a line of a mined file (`qa train mine`): passages, and the answers in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from indexing.errors import InputError


@dataclass(frozen=True, slots=True)
class MinedText:
    """A passage and the half-open ranges of its text where an answer stands; none: a negative."""

    title: str
    text: str
    places: tuple[tuple[int, int], ...]


def mined_passages(record: Mapping[str, Any], place: str) -> list[MinedText]:
    """Return the passages of a line.

    Raises:
        InputError: the line is not one of a mined file, with its place.
    """
    try:
        return [_passage(one) for one in record["passages"]]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{place}: not a mined question, a line of `qa train mine` ({error!r}): 'passages' "
            "must have 'title', 'text' and 'answers', a list of [start, end] within the text."
        ) from error


def _passage(passage: Any) -> MinedText:
    title, text = passage["title"], passage["text"]
    if not isinstance(title, str) or not isinstance(text, str):
        raise TypeError("'title' and 'text' must be texts")
    places = tuple((int(start), int(end)) for start, end in passage["answers"])
    for start, end in places:
        if not 0 <= start < end <= len(text):
            raise ValueError(f"[{start}, {end}] is no part of a text of {len(text)} characters")
    return MinedText(title, text, places)
