"""Answers that were read again: their new order, and the probability that they share."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader.ranking import FEATURES, Evidence
from reader.reordering import ReorderingWeights, reordered

SHARE, LOGIT, AGAIN = (FEATURES.index(name) for name in ("share", "logit", "again"))
# Training sets denormals to zero for a whole process.
numbers = st.floats(-20, 20, allow_subnormal=False)


def evidence(scores):
    features = tuple(0.0 for _ in FEATURES)
    ordered = sorted(scores, reverse=True)
    return [Evidence((place,), score, features) for place, score in enumerate(ordered)]


def test_by_hand():
    found = evidence([-1.0, -2.0, -3.0])
    first, second, third = reordered(found, [0.0, 4.0], ReorderingWeights(0.5, 1.0))
    # Anew: 0.5 * -1 + 0 and 0.5 * -2 + 4; what both have of the probability stays.
    both = math.exp(-1) + math.exp(-2)
    share = both / (both + math.exp(-3)) / (1 + math.exp(-0.5 - 3))
    assert first.features[SHARE] == pytest.approx(share)
    assert first.features[LOGIT] == pytest.approx(math.log(share / (1 - share)))
    assert [one.features[AGAIN] for one in (first, second, third)] == [4.0, 0.0, 0.0]
    assert third is found[2]


@given(
    st.lists(numbers, min_size=1, max_size=9),
    st.lists(numbers, min_size=1, max_size=9),
    st.floats(0, 3, allow_subnormal=False),
)
def test_the_probability_of_those_read_again_stays(scores, again, weight):
    found = evidence(scores)
    again = again[: len(found)]
    new = reordered(found, again, ReorderingWeights(1.0, weight))
    count = len(again)
    before, after = (sum(math.exp(one.score) for one in part[:count]) for part in (found, new))
    assert after == pytest.approx(before, rel=1e-6)
    assert sorted(one.spans for one in new[:count]) == [(place,) for place in range(count)]
    order = [one.spans[0] for one in new[:count]]
    sums = [found[place].score + weight * again[place] for place in order]
    assert all(one >= other - 1e-6 for one, other in pairwise(sums))
    assert [one.features[AGAIN] for one in new[:count]] == [again[place] for place in order]
    assert new[count:] == found[count:]


def test_without_scores_nothing_changes():
    found = evidence([-1.0, -2.0])
    assert reordered(found, [], ReorderingWeights()) == found
    assert reordered([], [], ReorderingWeights()) == []
