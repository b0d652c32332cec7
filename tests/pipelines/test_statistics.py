from __future__ import annotations

import math

import numpy as np
import pytest

from pipelines.statistics import (
    bootstrap_intervals,
    bootstrap_of,
    latency_percentiles,
    macro_intervals,
    paired_bootstrap,
)


@pytest.mark.parametrize(("n", "share"), [(400, 0.5), (3610, 0.44), (10570, 0.82)])
def test_interval_like_the_normal_one(n, share):
    ones = round(n * share)
    values = np.r_[np.ones(ones), np.zeros(n - ones)]
    low, high = bootstrap_intervals({"x": values})["x"]
    half = 1.96 * math.sqrt(share * (1 - share) / n)
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_level_narrows_the_interval():
    values = np.arange(300.0)
    wide = bootstrap_intervals({"x": values}, level=0.95)["x"]
    narrow = bootstrap_intervals({"x": values}, level=0.5)["x"]
    half = 0.6745 * values.std() / math.sqrt(300)
    assert wide[0] < narrow[0] < values.mean() < narrow[1] < wide[1]
    assert narrow[1] - narrow[0] == pytest.approx(2 * half, rel=0.1)


def test_columns_share_resamples_and_seeds_repeat():
    values = np.random.default_rng(1).normal(size=500)
    both = bootstrap_intervals({"a": values, "b": 100 * values})
    assert both["b"] == pytest.approx([100 * end for end in both["a"]])
    assert both == bootstrap_intervals({"a": values, "b": 100 * values})
    assert both["a"] == pytest.approx(bootstrap_intervals({"a": values})["a"])
    assert both["a"] != pytest.approx(bootstrap_intervals({"a": values}, seed=1)["a"])


def test_a_plain_loop_gives_means_alike():
    values = np.random.default_rng(2).exponential(size=200)
    draw = np.random.default_rng(3)
    means = [values[draw.integers(200, size=200)].mean() for _ in range(4000)]
    wanted = np.quantile(means, [0.025, 0.975])
    got = bootstrap_intervals({"x": values}, resamples=4000)["x"]
    assert got == pytest.approx(wanted, abs=0.1 * (wanted[1] - wanted[0]))


def test_many_values_go_in_several_steps():
    values = np.arange(6000) % 2  # 2,000 resamples of 6,000 are cut into parts
    low, high = bootstrap_intervals({"x": values})["x"]
    assert 0.48 < low < 0.5 < high < 0.52


def test_constant_values_have_no_width():
    assert bootstrap_intervals({"x": [1.0, 1.0, 1.0]})["x"] == pytest.approx((1.0, 1.0))


def test_paired_sees_what_unpaired_intervals_hide():
    noise = np.random.default_rng(0).normal(size=1000)
    found = paired_bootstrap(noise + 0.01, noise)
    assert found.difference == pytest.approx(0.01)
    assert found.p_value == 0.0
    assert found.low == pytest.approx(0.01)
    same = paired_bootstrap(noise, noise)
    assert (same.difference, same.p_value) == (0.0, 1.0)


def test_paired_p_value_like_the_sign_of_a_normal():
    differences = np.r_[np.ones(60), -np.ones(40)]
    found = paired_bootstrap(differences, np.zeros(100), resamples=20000)
    z = 0.2 / (differences.std() / 10)
    assert found.p_value == pytest.approx(math.erfc(z / math.sqrt(2)), abs=0.015)
    assert found.low < 0.2 < found.high


def test_paired_refuses_other_lengths():
    with pytest.raises(ValueError, match="same length"):
        paired_bootstrap([1.0], [1.0, 2.0])


def test_latency_in_milliseconds():
    found = latency_percentiles([0.001 * i for i in range(1, 101)])
    assert (found["p50"], found["p95"]) == (pytest.approx(50.5), pytest.approx(95.05))
    assert found["n"] == 100
    assert found["ci95"]["p50"][0] < 50.5 < found["ci95"]["p50"][1]
    assert found["ci95"]["p95"][0] < 95.05 < found["ci95"]["p95"][1]


def test_macro_average_of_equal_sets_is_as_sure_as_theory_says():
    draw = np.random.default_rng(4)
    sets = [{"x": draw.normal(size=n)} for n in (100, 400)]
    low, high = macro_intervals(sets)["x"]
    parts = [own["x"].std() / math.sqrt(len(own["x"])) for own in sets]
    half = 1.96 * math.hypot(*parts) / 2
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)
    assert (high + low) / 2 == pytest.approx(np.mean([own["x"].mean() for own in sets]), abs=0.02)


def test_interval_of_any_statistic_of_ascending_positions():
    values = np.sort(np.random.default_rng(5).normal(size=400))

    def median(drawn):
        assert (np.diff(drawn, axis=1) >= 0).all()
        return np.median(values[drawn], axis=1)

    low, high = bootstrap_of(median, 400)
    half = 1.96 * 1.2533 * values.std() / math.sqrt(400)
    assert (high - low) / 2 == pytest.approx(half, rel=0.3)
    assert low < np.median(values) < high
