from __future__ import annotations

import pytest

from pipelines.error_analysis import Miss, fault_of, fault_scores, likely_same


@pytest.mark.parametrize(
    ("prediction", "gold", "same"),
    [
        ("Columbus", "Christopher Columbus", True),
        ("the Café Müller", "Cafe Muller", True),
        ("seven", "7", True),
        ("twenty years", "20", True),
        ("12", "12 October 1492", True),
        ("of", "Bank of England", True),
        ("of", "Bank of the big England", False),
        ("Paris", "London", False),
        ("England Bank", "Bank England", False),
        ("", "x", False),
    ],
)
def test_forms_of_one_answer(prediction, gold, same):
    assert likely_same(prediction, gold) is same
    assert likely_same(gold, prediction) is same


@pytest.mark.parametrize(
    ("rank", "in_right", "prediction", "fault"),
    [
        (0, False, "Bonn", "retrieval"),
        (21, False, "Bonn", "depth"),
        (20, False, "Bonn", "ranking"),
        (20, True, "Bonn", "span"),
        (1, False, "", "ranking"),
        (0, False, "of Berlin", "gold"),
    ],
)
def test_first_fault_that_fits(rank, in_right, prediction, fault):
    assert fault_of(Miss(prediction, ["Berlin"], rank, 20, in_right)) == fault


def test_patterns_have_no_forms():
    miss = Miss("of Berlin", ["Berlin"], 0, 20, in_right_passage=False, patterns=True)
    assert fault_of(miss) == "retrieval"


def test_shares_are_of_all_questions():
    found = fault_scores([None, "span", "span", "gold"])
    assert found["share"]["span"] == 50.0
    assert sum(found["share"].values()) == 75.0
    assert found["count"] == {"gold": 1, "retrieval": 0, "depth": 0, "ranking": 0, "span": 2}
    low, high = found["ci95"]["share"]["span"]
    assert low < 50 < high
