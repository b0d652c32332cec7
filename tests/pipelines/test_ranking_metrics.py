"""trec_eval itself, through pytrec_eval, is the oracle."""

from __future__ import annotations

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.errors import InputError
from pipelines.ranking_metrics import first_right, ndcg, ranking_scores, recall

ITEMS = [f"d{i}" for i in range(12)]
rankings = st.permutations(ITEMS).flatmap(
    lambda order: st.integers(0, 12).map(lambda size: list(order)[:size])
)
judgements = st.dictionaries(st.sampled_from(ITEMS), st.integers(0, 3), min_size=1).filter(
    lambda own: any(own.values())
)


@settings(max_examples=200, deadline=None)
@given(ranking=rankings.filter(len), grades=judgements, k=st.sampled_from([1, 5, 10]))
def test_each_measure_is_trec_evals(ranking, grades, k):
    names = {"recip_rank", f"ndcg_cut.{k}", f"recall.{k}", f"success.{k}"}
    oracle = pytrec_eval.RelevanceEvaluator({"q": grades}, names)
    run = {item: float(len(ranking) - place) for place, item in enumerate(ranking)}
    wanted = oracle.evaluate({"q": run})["q"]
    first = first_right(ranking, grades)
    assert ndcg(ranking, grades, k) == pytest.approx(wanted[f"ndcg_cut_{k}"])
    assert recall(ranking, grades, k) == pytest.approx(wanted[f"recall_{k}"])
    assert float(0 < first <= k) == wanted.get(f"success_{k}")
    assert (1 / first if first else 0.0) == pytest.approx(wanted["recip_rank"])


def test_means_by_hand():
    grades = {"a": {"x": 1, "y": 1}, "b": {"z": 1}, "c": {"x": 0}, "d": {"x": 1}}
    found = ranking_scores({"a": ["n", "x"], "b": ["z"], "c": ["x"]}, grades, (1, 2))
    assert found["n"] == 3  # c has nothing right; d has no ranking and counts as 0
    assert found["success"] == {"1": pytest.approx(100 / 3), "2": pytest.approx(200 / 3)}
    assert found["recall"]["2"] == pytest.approx((50 + 100 + 0) / 3)
    assert found["mrr"] == pytest.approx((0.5 + 1) / 3)
    low, high = found["ci95"]["ndcg"]["10"]
    assert low <= found["ndcg"]["10"] <= high


def test_nothing_judged_is_an_error():
    with pytest.raises(InputError, match="match"):
        ranking_scores({"a": ["x"]}, {"a": {"x": 0}}, (1,))
