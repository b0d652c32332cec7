"""Questions from plain text: a sentence, answered by its own passage (Lee et al. 2019, section 4).

In most cases the sentence is taken out of the passage, so that meaning must find it; in the others
it stays, so that matching words is learnt too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexing.sentences import sentences

_KEPT = 0.1  # share of passages that keep the sentence
_WORDS = 4  # of a sentence, at least


@dataclass(frozen=True, slots=True)
class ClozeQuestion:
    """A sentence and what is left of the passage."""

    text: str
    passage: str


def cloze_question(passage: str, generator: np.random.Generator) -> ClozeQuestion | None:
    """Draw a sentence of a passage; None if it has no two sentences with one long enough."""
    ranges = list(sentences(passage))
    fit = [(a, b) for a, b in ranges if len(passage[a:b].split()) >= _WORDS]
    if len(ranges) < 2 or not fit:
        return None
    start, end = fit[int(generator.integers(len(fit)))]
    if generator.random() < _KEPT:
        return ClozeQuestion(passage[start:end], passage)
    rest = (passage[:start].rstrip(), passage[end:].lstrip())
    return ClozeQuestion(passage[start:end], " ".join(part for part in rest if part))
