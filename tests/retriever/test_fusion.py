from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retriever.fusion import ConvexCombination, ReciprocalRank
from retriever.ranking import Ranking

ranked = st.lists(st.integers(0, 12), unique=True, max_size=10)
scores = st.lists(st.integers(-8, 8), min_size=10, max_size=10)


def ranking(ids, values=None):
    values = sorted(values or range(len(ids)), reverse=True)[: len(ids)]
    return Ranking(np.array(ids, dtype=np.int64), np.array(values, dtype=np.float32))


def assert_is(fused, expected):
    """Compare with a dictionary of scores: order by score, then by id."""
    assert set(fused.ids.tolist()) == set(expected)
    assert np.allclose(fused.scores, [expected[number] for number in fused.ids.tolist()])
    pairs = list(zip((-fused.scores).tolist(), fused.ids.tolist(), strict=True))
    assert pairs == sorted(pairs)


@given(first=ranked, second=ranked, constant=st.sampled_from([1.0, 60.0]))
def test_reciprocal_rank_is_the_obvious_sum(first, second, constant):
    expected = {}
    for one in (first, second):
        for place, number in enumerate(one, start=1):
            expected[number] = expected.get(number, 0) + 1 / (constant + place)
    fused = ReciprocalRank(constant).fuse({"a": ranking(first), "b": ranking(second)})
    assert_is(fused, expected)


@given(first=ranked, second=ranked, a=scores, b=scores, weight=st.sampled_from([0.0, 0.3, 1.0]))
def test_convex_combination_is_the_obvious_sum(first, second, a, b, weight):
    rankings = {"a": ranking(first, a), "b": ranking(second, b)}
    weights = {"a": weight, "b": 1 - weight}
    expected = dict.fromkeys([*first, *second], 0.0)
    for name, one in rankings.items():
        values = one.scores.tolist()
        for number, value in zip(one.ids.tolist(), values, strict=True):
            span = max(values) - min(values)
            expected[number] += weights[name] * ((value - min(values)) / span if span else 1)
    assert_is(ConvexCombination(weights).fuse(rankings), expected)


def test_equal_sums_go_by_passage_id():
    fused = ReciprocalRank().fuse({"a": ranking([9, 4]), "b": ranking([4, 9])})
    assert fused.ids.tolist() == [4, 9]
    assert fused.best(1).ids.tolist() == [4]
