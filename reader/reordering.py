"""The order of the best answers after they were read again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reader.ranking import FEATURES, Evidence, log_sum_exp, share_features


@dataclass(frozen=True, slots=True)
class ReorderingWeights:
    """Weights of an answer's score before it was read again, and of what the rescorer says.

    Fitted, the weighted sums are log-probabilities of the answers up to a constant.
    """

    before: float = 1.0
    again: float = 1.0

    def score(self, before: float, again: float) -> float:
        """Return the weighted sum."""
        return self.before * before + self.again * again


UNFITTED = ReorderingWeights()


def reordered(
    evidence: Sequence[Evidence], scores: Sequence[float], weights: ReorderingWeights
) -> list[Evidence]:
    """Order the first answers anew, as many as there are scores; the others follow as they are.

    What probability the first answers have together stays; the new scores share it out among them.
    """
    first, others = evidence[: len(scores)], evidence[len(scores) :]
    if not first:
        return list(evidence)
    together = log_sum_exp([one.score for one in first])
    whole = log_sum_exp([one.score for one in evidence])
    new = [weights.score(one.score, score) for one, score in zip(first, scores, strict=True)]
    level = log_sum_exp(new)
    found = [
        _moved(one, together + value - level, whole, again)
        for one, value, again in zip(first, new, scores, strict=True)
    ]
    found.sort(key=lambda one: -one.score)
    return [*found, *others]


def _moved(evidence: Evidence, score: float, whole: float, again: float) -> Evidence:
    features = dict(zip(FEATURES, evidence.features, strict=True))
    features["share"], features["logit"] = share_features(math.exp(score - whole))
    features["again"] = again
    return Evidence(evidence.spans, score, tuple(features.values()))
