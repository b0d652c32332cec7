from __future__ import annotations

import json
import math

import pytest

from indexing.documents import Passage
from indexing.errors import InputError
from pipelines import cli
from pipelines.evaluate import evaluate_retrieval
from pipelines.qrels import Gold
from pipelines.questions import Question
from pipelines.scores import rank_scores
from retriever.hits import Hit


class ListRetriever:
    """Returns numbered passages; the answer stands in the one that the question names."""

    def __init__(self):
        self.calls = []

    def retrieve(self, questions, k):
        self.calls.append((len(questions), k))
        found = []
        for question in questions:
            rank = int(question.split()[-1])
            texts = [f"says {'GOLD-' if i == rank else 'mud'} {i}" for i in range(1, k + 1)]
            found.append(
                [
                    Hit(Passage(i, "d", "gold-", text, 0, len(text)), 1.0 / i)
                    for i, text in enumerate(texts, start=1)
                ]
            )
        return found


def questions(*ranks):
    return [Question(f"q{i}", f"rank {rank}", ("gold-",)) for i, rank in enumerate(ranks)]


def test_scores_by_hand(tmp_path):
    result = evaluate_retrieval(
        questions(1, 2, 6, 10, 11, 999), ListRetriever(), k=(1, 5, 10), report=tmp_path, tag="toy"
    )
    assert result["recall"] == {
        "1": pytest.approx(100 / 6),
        "5": pytest.approx(200 / 6),
        "10": pytest.approx(400 / 6),
    }
    assert result["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 6 + 1 / 10) / 6)
    assert result["n"] == 6
    low, high = result["ci95"]["recall"]["5"]
    assert low < result["recall"]["5"] < high
    assert result["ci95"]["mrr"][0] < result["mrr"] < result["ci95"]["mrr"][1]
    assert 0 < result["latency_ms"]["p50"] <= result["latency_ms"]["p95"]
    lines = (tmp_path / "run.trec").read_text().splitlines()
    assert len(lines) == 60
    assert lines[11] == "q1 Q0 2 2 0.500000 toy"
    assert json.loads((tmp_path / "result.json").read_text())["recall"] == result["recall"]


def test_batches_and_single_questions():
    retriever = ListRetriever()
    evaluate_retrieval(questions(*[1] * 300), retriever, k=(1, 5), limit=290, latency_sample=10)
    sizes = [size for size, _ in retriever.calls]
    assert sizes[:3] == [128, 128, 34]
    assert sizes[3:] == [1] * (3 + 10)  # to warm up, then those timed
    assert {k for _, k in retriever.calls} == {5}


def test_patterns():
    asked = [Question("q", "rank 3", (r"g.ld-\s\d",)), Question("r", "rank 3", (r"g.ld\s",))]
    result = evaluate_retrieval(asked, ListRetriever(), k=(5,), patterns=True)
    assert result["recall"] == {"5": 50.0}


def test_fewer_hits_than_asked_for():
    class Empty:
        def retrieve(self, questions, k):
            return [[] for _ in questions]

    result = evaluate_retrieval(questions(1, 2), Empty())
    assert result["recall"] == {"1": 0.0, "5": 0.0, "20": 0.0, "100": 0.0}
    assert result["mrr"] == 0.0


@pytest.mark.parametrize("unit", ["documents", "passages"])
def test_the_run_has_the_items_of_the_judgements(tmp_path, capsys, unit):
    item = "d" if unit == "documents" else "2"
    gold = Gold({"q0": {item: 1}, "q1": {item: 0}}, unit)
    result = evaluate_retrieval(
        questions(1, 1), ListRetriever(), k=(1, 5), gold=gold, report=tmp_path
    )
    assert result["gold"]["n"] == 1
    saved = [json.loads(line) for line in (tmp_path / "predictions.jsonl").open()]
    assert ["gold_rank" in record for record in saved] == [True, False]
    qrels = tmp_path / "qrels"
    qrels.write_text(f"q0 0 {item} 1\nq1 0 {item} 0\n")
    command = ["eval", "run", str(tmp_path / "run.trec"), str(qrels), "--k", "1,5", "--json"]
    assert cli.main(command) == 0
    said = capsys.readouterr()
    scores = json.loads(said.out)
    assert said.err == ""
    assert scores["mrr"] == result["gold"]["mrr"] > 0
    qrels.write_text("q0 0 other 1\n")
    assert cli.main(command) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["mrr"] == 0
    assert "no item of a question in common" in said.err


def test_questions_without_answers_count_by_judgements_alone(tmp_path):
    asked = [
        Question("a", "rank 1", ("gold-",)),
        Question("b", "rank 1", (), ("d",)),
        Question("c", "rank 1", ()),
    ]
    result = evaluate_retrieval(asked, ListRetriever(), k=(5,), report=tmp_path)
    assert (result["n"], result["recall"]) == (1, {"5": 100.0})
    assert (result["gold"]["n"], result["gold"]["mrr"]) == (1, 1.0)
    assert [json.loads(line)["id"] for line in (tmp_path / "predictions.jsonl").open()] == [
        "a",
        "b",
    ]
    with pytest.raises(InputError, match="no question with an answer"):
        evaluate_retrieval(asked[1:], ListRetriever())


def test_no_question_is_an_error():
    with pytest.raises(InputError, match="no question"):
        evaluate_retrieval([], ListRetriever())


def test_interval_of_recall_like_the_normal_one():
    scores = rank_scores([1] * 900 + [0] * 2100, [1, 20])
    half = 196 * math.sqrt(0.3 * 0.7 / 3000)
    assert scores["ci95"]["recall"]["1"] == pytest.approx((30 - half, 30 + half), abs=0.2)
    assert scores["ci95"]["recall"]["1"] == scores["ci95"]["recall"]["20"]
