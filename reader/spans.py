"""What a reader returns, and the protocol that every reader keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from indexing.documents import Passage


@dataclass(frozen=True, slots=True)
class Span:
    """A scored answer span: `passage.text[start:end]` is its text.

    `start_logprob` and `end_logprob` are normalised over the tokens of all passages of the
    question (shared normalisation: Clark and Gardner 2018, section 3), so they compare across
    passages. `relevance_logprob` is the log-probability that the passage holds an answer.
    """

    passage: Passage
    start: int
    end: int
    start_logprob: float
    end_logprob: float
    relevance_logprob: float

    @property
    def text(self) -> str:
        """The span's exact text."""
        return self.passage.text[self.start : self.end]


class Reader(Protocol):
    """Scores answer spans in the passages of each question."""

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[Passage]]
    ) -> list[list[Span]]:
        """Return each question's best spans over its passages, best first."""
        ...

    def read_at_depths(
        self,
        questions: Sequence[str],
        passages: Sequence[Sequence[Passage]],
        depths: Sequence[int],
    ) -> list[dict[int, list[Span]]]:
        """Return what `read` would find in the first `depth` passages, for each question and depth.

        Each passage is read once.
        """
        ...
