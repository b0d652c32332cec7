from __future__ import annotations

import json

import numpy as np
import pytest

from indexing.errors import InputError
from pipelines.compare import compare_runs
from pipelines.run_files import write_records


def save(folder, rows, k=None):
    folder.mkdir()
    write_records(folder / "predictions.jsonl", rows)
    if k:
        (folder / "settings.json").write_text(json.dumps({"k": k}))
    return folder


def rows(right, ids=None, **more):
    return [
        {"id": ids[i] if ids else str(i), "question": f"q{i}", "exact_match": r, "f1": r} | more
        for i, r in enumerate(right)
    ]


def test_paired_differences_over_common_questions(tmp_path):
    draw = np.random.default_rng(0)
    before = draw.integers(0, 2, 400).tolist()
    after = [1 if i < 40 else r for i, r in enumerate(before)]
    extra = {"id": "more", "question": "m", "exact_match": 1, "f1": 1}
    a = save(tmp_path / "a", rows(before))
    b = save(tmp_path / "b", [*reversed(rows(after)), extra])
    found = compare_runs(a, b)
    score = found["scores"]["exact_match"]
    assert (found["n"], found["only_first"], found["only_second"]) == (400, 0, 1)
    assert score["difference"] == pytest.approx(np.mean(after) * 100 - np.mean(before) * 100)
    assert score["second"] - score["first"] == pytest.approx(score["difference"])
    assert score["ci95"][0] > 0
    assert score["p_value"] < 0.01
    assert len(found["better"]) == 40 - sum(before[:40])
    assert found["worse"] == []
    back = compare_runs(b, a)["scores"]["exact_match"]
    assert back["difference"] == pytest.approx(-score["difference"])


def test_open_questions_that_nothing_answers_are_left_out(tmp_path):
    nothing = {"id": "n", "question": "n", "exact_match": 0, "f1": 0, "fault": "unanswerable"}
    a = save(tmp_path / "a", [*rows([1, 0, 0, 1]), nothing])
    b = save(tmp_path / "b", [*rows([1, 1, 0, 1]), nothing])
    found = compare_runs(a, b)
    assert (found["n"], found["only_first"], found["only_second"]) == (4, 0, 0)
    assert found["scores"]["exact_match"]["difference"] == 25.0


def test_retrieval_runs_are_compared_by_rank_to_the_depth_of_both(tmp_path):
    def ranks(values):
        return [{"id": str(i), "question": "q", "rank": r} for i, r in enumerate(values)]

    a = save(tmp_path / "a", ranks([1, 0, 7]), [1, 5, 20, 100])
    b = save(tmp_path / "b", ranks([2, 3, 0]), [1, 5])
    scores = compare_runs(a, b)["scores"]
    assert set(scores) == {"recall@1", "recall@5", "mrr"}
    assert scores["mrr"]["first"] == pytest.approx(1 / 3)  # rank 7 is below b's depth
    assert scores["mrr"]["second"] == pytest.approx((1 / 2 + 1 / 3) / 3)


def test_what_cannot_be_compared_is_told(tmp_path):
    a = save(tmp_path / "a", rows([1, 0]))
    with pytest.raises(InputError, match=r"predictions\.jsonl"):
        compare_runs(a, tmp_path / "none")
    with pytest.raises(InputError, match="in common"):
        compare_runs(a, save(tmp_path / "b", rows([1], ids=["z"])))
    other = save(tmp_path / "c", [{"id": "0", "question": "other", "exact_match": 1}])
    with pytest.raises(InputError, match="not the same question"):
        compare_runs(a, other)
    bare = save(tmp_path / "d", [{"id": "0", "question": "q0"}])
    with pytest.raises(InputError, match="no score in common"):
        compare_runs(a, bare)
