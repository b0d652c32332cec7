"""Probabilities for questions of another kind than those of the fit, from questions alone.

How often answers are right differs from corpus to corpus, and a calibrator leans to what it was
fitted on. Questions without answers tell in which direction: their mean probability. Saerens et
al. 2002 (section 2.2) estimate the new prior by EM; this is its first step. The further ones hold
only where right and wrong answers look alike on all corpora, and go too far
(`benchmarks/results/reader.md`, "Probabilities from questions without answers").
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_LEAST = 1e-6  # of what is never quite 0 or 1


def prior_shift(probabilities: Sequence[float], typical: float) -> float:
    """Return what to add to the logits of the questions' answers.

    Args:
        probabilities: of the best answers to questions as they are asked, before any shift; 0
            where a question has none.
        typical: the mean probability over the questions of the fit; it counts as one question
            more, so that the mean is never 0 or 1.
    """
    typical = min(max(typical, _LEAST), 1 - _LEAST)
    mean = (math.fsum(probabilities) + typical) / (len(probabilities) + 1)
    return _logit(mean) - _logit(typical)


def shifted(probability: float, shift: float) -> float:
    """Return a probability whose logit is moved; 0 and 1 stay."""
    if not 0 < probability < 1:
        return probability
    return 1 / (1 + math.exp(-_logit(probability) - shift))


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))
