from __future__ import annotations

import collections
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.metrics import exact_match, f1, squad_scores


# The official scripts' algorithm, step by step, as an oracle.
def official_normalise(s):
    def remove_articles(text):
        return re.compile(r"\b(a|an|the)\b", re.UNICODE).sub(" ", text)

    def remove_punc(text):
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    return " ".join(remove_articles(remove_punc(s.lower())).split())


def official_f1(prediction, gold, version):
    predicted = official_normalise(prediction).split()
    wanted = official_normalise(gold).split()
    common = collections.Counter(predicted) & collections.Counter(wanted)
    num_same = sum(common.values())
    if version == "2.0" and (len(predicted) == 0 or len(wanted) == 0):
        return int(predicted == wanted)
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(predicted)
    recall = 1.0 * num_same / len(wanted)
    return (2 * precision * recall) / (precision + recall)


def official_scores(prediction, golds, version):
    if version == "2.0":
        golds = [gold for gold in golds if official_normalise(gold)]
        if not golds:
            golds = [""]
    exact = max(int(official_normalise(prediction) == official_normalise(g)) for g in golds)
    return exact, max(official_f1(prediction, g, version) for g in golds)


@pytest.mark.parametrize(
    ("prediction", "gold", "same"),
    [
        ("U.S.", "us", 1.0),  # punctuation goes before articles and words
        ("The cat", "cat", 1.0),
        ("a.n. Other", "Other", 1.0),  # "a.n." -> "an", an article only once the dots are gone
        ("theatre", "atre", 0.0),
        ("jean-paul", "jeanpaul", 1.0),
        ("“Hello”", "Hello", 0.0),  # curly quotes are not ASCII punctuation
        ('"Hello"', "hello", 1.0),
        ("1939–45", "193945", 0.0),  # nor are long dashes
        ("1939-45", "193945", 1.0),
        ("New\u00a0 York", "new york", 1.0),
        ("the", "", 1.0),
    ],
)
def test_exact_match_by_hand(prediction, gold, same):
    assert exact_match(prediction, gold) == same


@pytest.mark.parametrize(
    ("prediction", "gold", "wanted"),
    [
        ("the Denver Broncos", "Denver Broncos", 1.0),
        ("Denver Broncos team", "Denver Broncos", 2 * (2 / 3) * 1 / (2 / 3 + 1)),
        ("Santa Clara, California", "Santa Clara", 0.8),
        ("to to to", "to be", 2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2)),  # repeats count once
        ("Carolina", "Denver", 0.0),
    ],
)
def test_f1_by_hand(prediction, gold, wanted):
    assert f1(prediction, gold) == pytest.approx(wanted)


def test_versions_differ_on_empty_texts():
    assert (f1("", "the", "1.1"), f1("", "the", "2.0")) == (0.0, 1.0)
    assert squad_scores("", []).exact_match == 0.0
    unanswerable = squad_scores("", [], "2.0")
    assert (unanswerable.exact_match, unanswerable.f1) == (1.0, 1.0)
    wrong = squad_scores("Paris", [], "2.0")
    assert (wrong.exact_match, wrong.f1) == (0.0, 0.0)
    # An empty gold answer beside a real one: version 1.1 lets "" match it, 2.0 drops it.
    assert squad_scores("", ["Paris", "the"], "1.1").exact_match == 1.0
    assert squad_scores("", ["Paris", "the"], "2.0").exact_match == 0.0


def test_the_best_gold_counts_for_each_score():
    scores = squad_scores("Santa Clara", ["Santa Clara, California", "Levi's Stadium"])
    assert scores.exact_match == 0.0
    assert scores.f1 == pytest.approx(0.8)


words = st.lists(
    st.sampled_from(["a", "an", "the", "U.S.", "“x”", "x", "Y", "y-z", "", "–", "à", "\u00a0"]),
    max_size=6,
).map(" ".join)


@given(
    words | st.text(max_size=20),
    st.lists(words | st.text(max_size=20), min_size=1, max_size=4),
    st.sampled_from(["1.1", "2.0"]),
)
def test_like_the_official_scripts(prediction, golds, version):
    scores = squad_scores(prediction, golds, version)
    exact, f1_score = official_scores(prediction, golds, version)
    assert scores.exact_match == exact
    assert scores.f1 == pytest.approx(f1_score)
