"""Logistic regression, as calibration needs it: few features, a ridge, exact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fit_logistic(
    features: NDArray[np.float64], labels: NDArray[np.float64], penalty: float = 1.0
) -> NDArray[np.float64]:
    """Return ridge logistic regression weights by Newton's method; the first feature is the bias.

    The bias is not penalised, so that mean probability and share of right answers agree.
    """
    weights = np.zeros(features.shape[1])
    ridge = penalty * np.eye(len(weights))
    ridge[0, 0] = 1e-9
    for _ in range(100):
        odds = 1 / (1 + np.exp(-features @ weights))
        gradient = features.T @ (odds - labels) + ridge @ weights
        curvature = (features * (odds * (1 - odds))[:, None]).T @ features + ridge
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-9:
            break
    return weights
