from __future__ import annotations

import json

import pytest

from indexing.documents import Passage
from indexing.errors import InputError
from pipelines.answers import Answer, AskResult, Citation
from pipelines.evaluate import OpenSettings, evaluate_open
from pipelines.qrels import Gold
from pipelines.questions import Question
from retriever.hits import Hit


def hits(question, k):
    """The word after "rank" says where the passage with the answer stands."""
    rank = int(question.split()[1])
    texts = [f"{'Bob Dylan' if i == rank else 'Nobody'} sang {i}" for i in range(1, k + 1)]
    return [
        Hit(Passage(i, f"d{i}", "T", text, 0, len(text)), 1.0 / i)
        for i, text in enumerate(texts, start=1)
    ]


class Script:
    """Answers with the words after "say"; without any it abstains. Fails after some questions."""

    def __init__(self, fail_after=10**9):
        self.asked = []
        self._left = fail_after

    def ask_batch(self, questions, *, answers, top_k, min_probability):
        assert min_probability == 0.0
        self._left -= len(questions)
        if self._left < 0:
            raise KeyboardInterrupt
        self.asked += questions
        return [self._ask(question, answers, top_k) for question in questions]

    def ask_depths(self, questions, depths, *, answers, min_probability):
        found = {
            k: self.ask_batch(questions, answers=answers, top_k=k, min_probability=min_probability)
            for k in depths
        }
        return [{k: found[k][i] for k in depths} for i in range(len(questions))]

    def _ask(self, question, answers, top_k):
        text = question.split("say")[1].strip()
        citation = Citation("d1", "T", "", 0, len(text), 1, f"{text} sang", 0, 1.5)
        found = (Answer(text, 0.7, (citation,)),)[:answers] if text else ()
        return AskResult(question, found, tuple(hits(question, top_k)), {"total": 1.0})

    def retrieve(self, questions, k):
        return [hits(question, k) for question in questions]


QUESTIONS = [
    Question("a", "rank 1 say the Bob Dylan!", ("Bob Dylan",)),  # EM 1
    Question("b", "rank 2 say Dylan", ("Dylan Thomas", "Bob Dylan")),  # EM 0, F1 2/3
    Question("c", "rank 30 say Nobody", ("Bob Dylan",)),  # deeper than what is read
    Question("d", "rank 2 say ", ("Bob Dylan",)),  # abstains
]
SETTINGS = OpenSettings(top_k=5, k=(1, 2, 50), latency_sample=2)


def test_scores_by_hand():
    script = Script()
    result = evaluate_open(QUESTIONS, script, SETTINGS, retriever=script)
    assert result["exact_match"] == 25.0
    assert result["f1"] == pytest.approx(100 * (1 + 2 / 3) / 4)
    assert result["recall"] == {"1": 25.0, "2": 75.0, "50": 100.0}
    assert result["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 30 + 1 / 2) / 4)
    assert result["n"] == 4
    assert result["answerable"]["n"] == 3
    assert result["answerable"]["exact_match"] == pytest.approx(100 / 3)
    assert result["answerable"]["f1"] == pytest.approx(100 * (1 + 2 / 3) / 3)
    assert set(result["ci95"]) == {"exact_match", "f1", "recall", "mrr", "top_exact_match"}
    assert result["ci95"]["recall"]["50"] == (100.0, 100.0)
    assert 0 < result["latency_ms"]["p50"] <= result["latency_ms"]["p95"]


def test_further_scores_by_hand():
    script = Script()
    settings = OpenSettings(top_k=5, k=(1, 2, 50), latency_sample=2, threshold=0.5, sweep=(1, 3))
    asked = [
        *QUESTIONS,
        Question("e", "rank 1 say Somebody", ("Bob Dylan",), ("d2",)),
        Question("f", "rank 99 say Somebody", ("Bob Dylan",)),
    ]
    result = evaluate_open(asked, script, settings, retriever=script)
    # b says "Dylan" for "Bob Dylan". c: 30 > 5. d gives none. e: d1 has it. f: 99 > 50.
    assert result["errors"]["count"] == {
        "gold": 1, "retrieval": 1, "depth": 1, "ranking": 1, "span": 1,
    }  # fmt: skip
    assert set(result["by_depth"]) == {"1", "3", "5"}
    assert result["by_depth"]["1"]["exact_match"] == result["exact_match"]
    assert result["top_exact_match"]["5"] == pytest.approx(100 / 6)
    assert result["selective"]["coverage"] == pytest.approx(500 / 6)  # d gives no answer
    assert result["selective"]["exact_match"] == pytest.approx(20)
    assert result["gold"]["n"] == 1
    assert result["gold"]["recall"] == {"1": 0.0, "2": 100.0, "50": 100.0}
    assert sum(own["n"] for own in result["categories"]["kind"].values()) == 6
    assert result["stage_ms"] == {}


def test_recall_stops_where_passages_stop():
    assert set(evaluate_open(QUESTIONS, Script(), SETTINGS)["recall"]) == {"1", "2"}
    deep = OpenSettings(top_k=3, k=(20,), latency_sample=1)
    assert evaluate_open(QUESTIONS, Script(), deep)["recall"] == {"3": 75.0}


def test_nothing_answerable():
    result = evaluate_open(QUESTIONS[2:3], Script(), SETTINGS)
    assert result["recall"] == {"1": 0.0, "2": 0.0}
    assert "answerable" not in result


def test_questions_that_nothing_answers_count_for_probabilities_alone(tmp_path):
    settings = OpenSettings(top_k=5, k=(1, 2, 50), latency_sample=1, threshold=0.5, sweep=(1,))
    script = Script()
    alone = evaluate_open(QUESTIONS, script, settings, retriever=script)
    nothing = [
        Question("n1", "rank 3 say Bob Dylan", ()),  # probability 0.7, above the threshold
        Question("n2", "rank 3 say ", ()),
        Question("n3", "rank 3 say ", ()),
    ]
    result = evaluate_open(
        [*QUESTIONS, *nothing], script, settings, retriever=script, report=tmp_path
    )
    same = ("exact_match", "f1", "top_exact_match", "recall", "mrr", "n", "errors", "by_depth")
    assert {name: result[name] for name in same} == {name: alone[name] for name in same}
    assert result["no_answer"]["n"] == 3
    assert result["no_answer"]["abstained"] == pytest.approx(200 / 3)
    assert result["no_answer"]["mean_probability"] == pytest.approx(0.7 / 3)
    # Four answers of 0.7, one of them right; three questions without any.
    assert result["selective"]["n"] == 7
    assert result["selective"]["exact_match"] == pytest.approx(25)
    assert result["selective"]["mean_probability"] == pytest.approx(4 * 0.7 / 7)
    page = (tmp_path / "report.html").read_text()
    assert "Rightly unanswered" in page
    with pytest.raises(InputError, match="no question with an answer"):
        evaluate_open(nothing, Script(), settings)


def test_patterns_score_from_the_start_without_f1():
    asked = [
        Question("a", "rank 1 say Dylan, Bob", (r"dyl.n|bob",)),
        Question("b", "rank 9 say Mr Dylan", (r"dyl.n|bob",)),
    ]
    settings = OpenSettings(top_k=5, k=(1, 5), patterns=True, latency_sample=1)
    result = evaluate_open(asked, Script(), settings)
    assert (result["exact_match"], result["f1"], result["ci95"]["f1"]) == (50.0, None, None)
    assert result["recall"] == {"1": 50.0, "5": 50.0}


def test_a_question_with_nothing_right_is_not_scored_by_judgements(tmp_path):
    gold = Gold({"a": {"d2": 1}, "b": {"d1": 0}})
    result = evaluate_open(QUESTIONS, Script(), SETTINGS, gold=gold, report=tmp_path)
    assert (result["gold"]["n"], result["gold"]["mrr"]) == (1, 0.5)
    assert (tmp_path / "run.trec").read_text().startswith("a Q0 d1 1 ")


def test_report_files(tmp_path):
    report = tmp_path / "new" / "report"
    result = evaluate_open(QUESTIONS, Script(), SETTINGS, report=report)
    details = [json.loads(line) for line in (report / "predictions.jsonl").open()]
    assert [line["id"] for line in details] == ["a", "b", "c", "d"]
    assert details[0]["prediction"] == "the Bob Dylan!"
    assert details[0]["citation"]["document_id"] == "d1"
    assert (details[1]["rank"], details[1]["probability"]) == (2, 0.7)
    assert details[3]["citation"] is None
    predictions = json.loads((report / "predictions.json").read_text())
    assert predictions == {"a": "the Bob Dylan!", "b": "Dylan", "c": "Nobody", "d": ""}
    run = (report / "run.trec").read_text().splitlines()
    assert len(run) == 4 * 5
    assert run[6] == "b Q0 2 2 0.500000 spanqa"
    assert json.loads((report / "result.json").read_text())["f1"] == result["f1"]


def test_an_interrupted_evaluation_goes_on(tmp_path):
    asked = [Question(str(i), f"rank {1 + i % 3} say Dylan {i}", ("Bob Dylan",)) for i in range(40)]
    settings = OpenSettings(top_k=5, k=(1, 5), latency_sample=1)
    with pytest.raises(KeyboardInterrupt):
        evaluate_open(asked, Script(fail_after=32), settings, report=tmp_path)
    script = Script()
    result = evaluate_open(asked, script, settings, report=tmp_path)
    assert script.asked[:8] == [question.text for question in asked[32:]]
    whole = evaluate_open(asked, Script(), settings)
    for name in ("exact_match", "f1", "recall", "mrr", "ci95", "n", "answerable"):
        assert result[name] == whole[name]
    nothing_new = evaluate_open(asked, Script(), settings, report=tmp_path)
    assert nothing_new["questions_per_second"] is None
    assert len((tmp_path / "predictions.jsonl").read_text().splitlines()) == 40


def test_a_report_of_other_questions_is_refused(tmp_path):
    evaluate_open(QUESTIONS, Script(), SETTINGS, report=tmp_path)
    with pytest.raises(InputError, match="another run"):
        evaluate_open(QUESTIONS, Script(), SETTINGS, report=tmp_path, limit=3)
    noted = OpenSettings(top_k=5, k=(1, 2, 50), latency_sample=2, notes={"reader": "other"})
    with pytest.raises(InputError, match=r"reader was None, now 'other'"):
        evaluate_open(QUESTIONS, Script(), noted, report=tmp_path)


def test_no_question_is_an_error():
    with pytest.raises(InputError, match="no question"):
        evaluate_open([], Script())
