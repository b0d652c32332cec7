"""What a question and its passages say about an answer beside the reader: words, no model.

Words are those of `normalise_answer`, so that nothing depends on a language's list of stop words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from indexing.documents import Passage
from reader.normalising import normalise_answer


@dataclass(frozen=True, slots=True)
class Clues:
    """A question's words and its passages, best first: each by id, with its rank from 1.

    `coverage` of a passage is the share of the question's words that stand in it or in its title,
    each weighed by how few of the passages have it.
    """

    words: frozenset[str]
    texts: tuple[str, ...]
    ranks: dict[int, int]
    coverage: dict[int, float]

    def rank(self, passage: int) -> int:
        """Return a passage's rank; one that was not retrieved stands after all."""
        return self.ranks.get(passage, len(self.ranks) + 1)

    def echo(self, answer: str) -> float:
        """Return the share of a normalised answer's words that the question itself has."""
        words = answer.split()
        return sum(word in self.words for word in words) / len(words) if words else 0.0

    def mentions(self, answer: str) -> int:
        """Return how many passages hold a normalised answer as whole words; at least one."""
        return max(1, sum(f" {answer} " in text for text in self.texts))


def find_clues(question: str, passages: Sequence[Passage]) -> Clues:
    """Return what the words of a question and of its passages, best first, tell."""
    words = frozenset(normalise_answer(question).split())
    texts = [normalise_answer(passage.text) for passage in passages]
    held = [
        words & {*text.split(), *normalise_answer(passage.title).split()}
        for text, passage in zip(texts, passages, strict=True)
    ]
    # As BM25 weighs words, over these passages alone: what all of them have tells nothing.
    count = len(passages)
    weights = {
        word: math.log((count + 1) / (sum(word in own for own in held) + 0.5)) for word in words
    }
    whole = math.fsum(weights.values()) or 1.0
    return Clues(
        words,
        tuple(f" {text} " for text in texts),
        {passage.id: rank for rank, passage in enumerate(passages, start=1)},
        {
            passage.id: math.fsum(weights[word] for word in own) / whole
            for passage, own in zip(passages, held, strict=True)
        },
    )
