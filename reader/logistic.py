"""Logistic regression, as calibration needs it: few features, a ridge, exact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def fit_logistic(
    features: Floats, labels: Floats, prior: Floats | None = None, penalty: float = 1.0
) -> Floats:
    """Return ridge logistic regression weights by Newton's method; the first feature is the bias.

    The bias is not penalised, so that mean probability and share of right answers agree. A step
    that does not help is halved.

    Args:
        features: (examples, features).
        labels: 0 or 1, (examples,).
        prior: the weights that the ridge draws to, (features,); zeros if None.
        penalty: of half the squared distance to them.
    """
    centre = np.zeros(features.shape[1]) if prior is None else prior
    ridge = np.full(len(centre), penalty)
    ridge[0] = 1e-9

    def loss(weights: Floats) -> float:
        logits = features @ weights
        away = weights - centre
        fit = np.logaddexp(0.0, logits).sum() - labels @ logits
        return float(fit + 0.5 * (ridge * away) @ away)

    weights, value = centre.copy(), loss(centre)
    for _ in range(100):
        odds = 0.5 * (1 + np.tanh(0.5 * (features @ weights)))  # the logistic, without overflow
        gradient = features.T @ (odds - labels) + ridge * (weights - centre)
        curvature = (features * (odds * (1 - odds))[:, None]).T @ features + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        for halving in range(30):
            moved = weights - step / 2**halving
            if (found := loss(moved)) <= value:
                break
        else:
            break
        gained, weights, value = value - found, moved, found
        if gained < 1e-12 * max(1.0, abs(value)):
            break
    return weights
