"""Whether a passage answers its question at all, for the best span of one given passage.

The relevance head tells passages about something else from right ones. A passage about what is
asked that lacks the answer (Rajpurkar et al. 2018) shows in the span's own probability too: it is
spread over many spans. A logistic of both is fitted on held-out questions, half of them altered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reader.logistic import fit_logistic
from reader.spans import Span


@dataclass(frozen=True, slots=True)
class Answerability:
    """Weights of the log-odds that a passage answers its question.

    `relevance` multiplies the relevance logit, `span` the start plus end log-probability of the
    best span. The defaults are the relevance head's own word.
    """

    bias: float = 0.0
    relevance: float = 1.0
    span: float = 0.0

    def probability(self, best: Span) -> float:
        """Return the probability that the passage of its best span answers the question."""
        logit = float(np.dot(_features(best), (self.bias, self.relevance, self.span)))
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))


RELEVANCE_ALONE = Answerability()


def _features(best: Span) -> tuple[float, float, float]:
    log_p = min(best.relevance_logprob, -1e-9)
    logit = log_p - math.log(-math.expm1(log_p))
    return 1.0, max(-60.0, logit), best.start_logprob + best.end_logprob


def fit_answerability(best: Sequence[Span], answered: Sequence[bool]) -> Answerability:
    """Fit on the best spans of passages, and on whether these answer their questions."""
    features = np.array([_features(span) for span in best])
    weights = fit_logistic(features, np.asarray(answered, dtype=np.float64))
    return Answerability(*(float(weight) for weight in weights))


def cross_validated(
    best: Sequence[Span], answered: Sequence[bool], folds: int = 5
) -> NDArray[np.float64]:
    """Return each probability by a fit without its own fold, (spans,)."""
    fold = np.arange(len(best)) % folds
    odds = np.zeros(len(best))
    for number in range(folds):
        rest = [i for i in range(len(best)) if fold[i] != number]
        fitted = fit_answerability([best[i] for i in rest], [answered[i] for i in rest])
        for i in np.flatnonzero(fold == number).tolist():
            odds[i] = fitted.probability(best[i])
    return odds
