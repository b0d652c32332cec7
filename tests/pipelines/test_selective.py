from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.selective import reliability_bins, risk_coverage, selective_scores
from reader.calibrator_fitting import expected_calibration_error


def test_risk_coverage_by_hand():
    risks = risk_coverage([0.2, 0.9, 0.6, 0.4], [1, 1, 0, 0])  # in order: 1, 0, 0, 1
    assert risks == pytest.approx([0, 1 / 2, 2 / 3, 2 / 4])
    scores = selective_scores([0.2, 0.9, 0.6, 0.4], [1, 1, 0, 0], threshold=0.5)
    assert scores["aurc"] == pytest.approx((0 + 1 / 2 + 2 / 3 + 1 / 2) / 4)
    assert (scores["coverage"], scores["exact_match"], scores["n"]) == (50.0, 50.0, 4)
    low, high = scores["ci95"]["aurc"]
    assert 0 <= low <= scores["aurc"] <= high <= 1


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.integers(0, 1)), min_size=1, max_size=6)
)
def test_ties_count_as_the_mean_over_all_their_orders(pairs):
    """The slow oracle: average the curve over every order that sorts by probability."""
    curves = [
        1 - np.cumsum([label for _, label in order]) / np.arange(1, len(order) + 1)
        for order in itertools.permutations(pairs)
        if all(a[0] >= b[0] for a, b in itertools.pairwise(order))
    ]
    values, labels = zip(*pairs, strict=True)
    assert risk_coverage(values, labels) == pytest.approx(np.mean(curves, axis=0))


def test_true_probabilities_have_no_more_error_than_the_floor():
    draw = np.random.default_rng(0)
    values = draw.random(4000)
    right = (draw.random(4000) < values).astype(float)
    good = selective_scores(values, right)
    assert good["ece"] < 2 * good["floor"] < 0.06
    bold = selective_scores(np.clip(values + 0.3, 0, 1), right)
    assert bold["ece"] > 0.15
    assert bold["ci95"]["ece"][0] > good["floor"]


@pytest.mark.parametrize("n", [1, 7, 15, 16, 400])
def test_the_error_is_that_of_the_calibrator(n):
    draw = np.random.default_rng(n)
    values, right = draw.random(n), draw.integers(0, 2, n).astype(float)
    wanted = expected_calibration_error(values, right)
    assert selective_scores(values, right)["ece"] == pytest.approx(wanted)


def test_bins_of_equal_mass_from_the_least_probable():
    bins = reliability_bins([0.1, 0.2, 0.8, 0.9], [0, 1, 1, 1], bins=2)
    assert [(b.n, b.accuracy) for b in bins] == [(2, 0.5), (2, 1.0)]
    assert [b.probability for b in bins] == pytest.approx([0.15, 0.85])
    assert len(reliability_bins([0.5], [1], bins=10)) == 1


def test_no_answer_above_the_threshold():
    scores = selective_scores([0.1, 0.2], [0, 1], threshold=0.9)
    assert scores["coverage"] == 0.0
    assert "exact_match" not in scores
    with pytest.raises(ValueError, match="at least one"):
        selective_scores([], [])
