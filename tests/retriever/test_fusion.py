from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retriever.fusion import (
    ConvexCombination,
    LearnedCombination,
    ReciprocalRank,
    features,
)
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


@given(
    ids=st.lists(st.integers(0, 20), unique=True, min_size=3, max_size=12),
    data=st.data(),
    scale=st.sampled_from(["min-max", "z-score"]),
)
def test_known_scores_beyond_a_list_go_on_in_its_scale(ids, data, scale):
    """The list's own scale, continued at half its slope: the last is 0, lower ones negative."""
    cut = data.draw(st.integers(2, len(ids) - 1))
    values = sorted(data.draw(st.lists(st.integers(-9, 9), min_size=12, max_size=12)))[::-1]
    shown, below = ranking(ids[:cut], values), values[cut : len(ids)]
    rest = Ranking(np.array(ids[cut:]), np.array(below, dtype=np.float32))
    words = ranking([ids[-1], 99])
    fused = ConvexCombination({"a": 0.6, "b": 0.4}, scale).fuse(
        {"a": Ranking(shown.ids, shown.scores, rest), "b": words}
    )
    list_ = shown.scores.astype(float)
    unit = list_.std() if scale == "z-score" else np.ptp(list_)
    first = {"min-max": 1.0, "z-score": 2.0}[scale]  # of b, whose scores are 1 and 0
    expected = {99: 0.0}
    for place, number in enumerate(ids):
        if unit:
            slope = 0.6 if place < cut else 0.3
            expected[number] = slope * (values[place] - list_.min()) / unit
        else:
            expected[number] = 0.6 if place < cut else 0.0
    expected[ids[-1]] += 0.4 * first
    assert_is(fused, expected)


def test_equal_sums_go_by_passage_id():
    fused = ReciprocalRank().fuse({"a": ranking([9, 4]), "b": ranking([4, 9])})
    assert fused.ids.tolist() == [4, 9]
    assert fused.best(1).ids.tolist() == [4]


@given(first=ranked, second=ranked, a=scores, b=scores, weight=st.sampled_from([0.0, 0.3, 1.0]))
def test_z_scores_rank_as_standard_scores_do(first, second, a, b, weight):
    """Standard scores, where a passage that was not found has the lowest of the list."""
    rankings = {"a": ranking(first, a), "b": ranking(second, b)}
    weights = {"a": weight, "b": 1 - weight}
    expected = dict.fromkeys([*first, *second], 0.0)
    for name, one in rankings.items():
        values = one.scores.astype(float)
        if not len(values):
            continue
        deviation = values.std()
        standard = (values - values.mean()) / deviation if deviation else np.ones(len(values))
        last = standard.min() if deviation else 0.0
        found = dict(zip(one.ids.tolist(), standard.tolist(), strict=True))
        for number in expected:
            expected[number] += weights[name] * (found.get(number, last) - last)
    assert_is(ConvexCombination(weights, "z-score").fuse(rankings), expected)


@given(first=ranked, second=ranked, a=scores, b=scores)
def test_learned_weights_are_a_convex_combination(first, second, a, b):
    rankings = {"x": ranking(first, a), "y": ranking(second, b)}
    values = features(rankings["x"], rankings["y"])
    assert values.shape == (2,)
    learned = LearnedCombination("x", "y", -0.5, (0.5, -2.0))
    logit = -0.5 + 0.5 * values[0] - 2 * values[1]
    share = 1 / (1 + np.exp(-logit))
    fused = learned.fuse(rankings)
    same = ConvexCombination({"x": 1 - share, "y": share}).fuse(rankings)
    assert_is(fused, dict(zip(same.ids.tolist(), same.scores.tolist(), strict=True)))


def test_leads_are_shares_of_the_best():
    both = ranking([3, 4], [8, 2]), ranking([], [])
    assert features(*both).tolist() == [0.75, 0.0]
