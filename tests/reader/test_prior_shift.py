from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader.prior_shift import prior_shift, shifted

shares = st.floats(0, 1, allow_subnormal=False)
inside = st.floats(0.001, 0.999)


@given(st.lists(shares, min_size=1, max_size=40), inside, inside)
def test_one_step_weighs_right_and_wrong_by_their_new_priors(probabilities, typical, one):
    """Saerens et al. 2002, equation 2.4, with the mean as the new prior of right answers."""
    prior = float(np.mean([*probabilities, typical]))
    right = one * prior / typical
    wrong = (1 - one) * (1 - prior) / (1 - typical)
    found = shifted(one, prior_shift(probabilities, typical))
    assert found == pytest.approx(right / (right + wrong))


def test_questions_like_those_of_the_fit_move_nothing():
    assert prior_shift([0.1, 0.5, 0.3], 0.3) == pytest.approx(0)


@given(st.lists(shares, min_size=1, max_size=40), st.sampled_from([0.0, 1.0]))
def test_a_fit_that_was_always_or_never_right_gives_a_finite_shift(probabilities, typical):
    assert math.isfinite(prior_shift(probabilities, typical))


@given(st.floats(-50, 50, allow_subnormal=False))
def test_what_is_sure_stays(shift):
    assert shifted(0.0, shift) == 0
    assert shifted(1.0, shift) == 1


@pytest.mark.parametrize("share", [0.05, 0.2, 0.6, 0.8])
def test_where_only_the_share_of_right_answers_differs_it_comes_nearer(share):
    """Scores of right answers are N(1, 1), of wrong ones N(-1, 1); three tenths were right."""
    random = np.random.default_rng(5)
    right = random.random(20_000) < share
    scores = random.normal(np.where(right, 1.0, -1.0), 1.0)
    before = 1 / (1 + np.exp(-(2 * scores + math.log(0.3 / 0.7))))
    shift = prior_shift(before.tolist(), 0.3)
    after = [shifted(one, shift) for one in before]
    assert abs(np.mean(after) - share) < 0.7 * abs(before.mean() - share)
    assert (np.mean(after) - share) * (before.mean() - share) > 0  # and does not go past it
