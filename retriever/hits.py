"""What a retriever returns, and the protocol that every retriever keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from indexing.documents import Passage


@dataclass(frozen=True, slots=True)
class Component:
    """One component's view of a hit: its 1-based rank and its raw score."""

    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage, its final score, and each component's rank and score."""

    passage: Passage
    score: float
    components: Mapping[str, Component] = field(default_factory=dict)


class Retriever(Protocol):
    """Finds passages for questions; a single question is a batch of one."""

    def retrieve(self, questions: Sequence[str], k: int) -> list[list[Hit]]:
        """Return at most `k` hits for each question, best first, ties by passage id."""
        ...
