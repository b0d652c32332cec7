from __future__ import annotations

from xml.etree import ElementTree

import pytest
from scipy.stats import binomtest

from pipelines.report_charts import (
    Axis,
    Series,
    depth_chart,
    reliability_chart,
    risk_chart,
    wilson,
)
from pipelines.selective import Bin


def circles(svg):
    return [e for e in ElementTree.fromstring(svg).iter() if e.tag == "circle"]


def test_axes_scale():
    assert Axis("", 1, 100, (), log=True).share(10) == pytest.approx(0.5)
    assert Axis("", 0, 200, ()).share(50) == 0.25
    assert Axis("", 20, 20, (20,), log=True).share(20) == 0.5


def test_greater_values_stand_higher_and_further_right():
    svg = depth_chart("R & D", "recall", Series([(1, 20.0), (5, 60.0), (100, 90.0)]))
    dots = circles(svg)
    assert ElementTree.fromstring(svg).attrib["aria-label"] == "R & D"
    x = [float(dot.attrib["cx"]) for dot in dots]
    y = [float(dot.attrib["cy"]) for dot in dots]
    assert x == sorted(x)
    assert y == sorted(y, reverse=True)
    assert "k = 5: 60.0 %" in dots[1][0].text


def test_one_depth_is_a_chart_too():
    assert len(circles(depth_chart("x", "y", Series([(20, 5.0)], [(1.0, 9.0)])))) == 1


@pytest.mark.parametrize("n", [1, 2, 5000])
def test_risk_curve_is_thinned_and_marks_the_threshold(n):
    svg = risk_chart([0.5] * n, 40.0)
    line = next(e for e in ElementTree.fromstring(svg).iter() if e.attrib.get("class") == "line")
    assert 1 <= len(line.attrib["points"].split()) <= 240
    assert len(circles(svg)) == 1
    assert len(circles(risk_chart([0.5] * n, 0.0))) == 0


def test_reliability_has_a_dot_for_each_bin():
    assert len(circles(reliability_chart([Bin(5, 0.2, 0.0), Bin(5, 0.9, 1.0)]))) == 2


@pytest.mark.parametrize(("right", "n"), [(0, 4), (3, 7), (40, 50), (9, 9)])
def test_wilson_is_scipys(right, n):
    oracle = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right / n, n) == pytest.approx((oracle.low, oracle.high), abs=1e-9)
