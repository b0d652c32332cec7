"""What a retriever returns, and the protocol that every retriever keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from indexing.documents import Passage


@dataclass(frozen=True, slots=True)
class Component:
    """One component's view of a hit: its 1-based rank and its raw score."""

    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage, its final score, and each component's rank and score.

    `duplicates` are passages of (nearly) the same text that this one stands for.
    """

    passage: Passage
    score: float
    components: Mapping[str, Component] = field(default_factory=dict)
    duplicates: tuple[Passage, ...] = ()


def in_this_order(hits: Sequence[Hit]) -> list[Hit]:
    """Return the hits with scores that agree with their order.

    A hit that stands after one of a lower score takes that score.
    """
    ordered: list[Hit] = []
    for hit in hits:
        least = ordered[-1].score if ordered else hit.score
        ordered.append(hit if hit.score <= least else replace(hit, score=least))
    return ordered


class Retriever(Protocol):
    """Finds passages for questions; a single question is a batch of one."""

    def retrieve(self, questions: Sequence[str], k: int) -> list[list[Hit]]:
        """Return at most `k` hits for each question, best first, ties by passage id."""
        ...
