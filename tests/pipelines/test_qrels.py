from __future__ import annotations

import pytest

from indexing.documents import Passage
from indexing.errors import InputError
from pipelines.qrels import Gold, gold_of, read_qrels, read_run
from pipelines.questions import Question
from retriever.hits import Hit


def test_trec_and_beir_qrels_are_one(tmp_path):
    trec, beir = tmp_path / "a", tmp_path / "b"
    trec.write_text("q1 0 d1 1\nq1 0 d2 0\n\nq2 0 d3 2\n")
    beir.write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\nq2\td3\t2\n")
    assert read_qrels(trec) == read_qrels(beir) == {"q1": {"d1": 1, "d2": 0}, "q2": {"d3": 2}}


def test_a_byte_order_mark_belongs_to_no_id(tmp_path):
    file = tmp_path / "qrels"
    file.write_bytes(b"\xef\xbb\xbfq1 0 d1 1\n")
    assert read_qrels(file) == {"q1": {"d1": 1}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("q1 0 d1 1\nq1 d2\n", r"qrels:2: write"),
        ("q1 0 d1 yes\n", r"qrels:1: the grade 'yes'"),
        ("q1 0 d1 0\n", "nothing as right"),
        ("", "nothing as right"),
    ],
)
def test_bad_qrels_are_named_with_line(tmp_path, text, words):
    file = tmp_path / "qrels"
    file.write_text(text)
    with pytest.raises(InputError, match=words):
        read_qrels(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_qrels(tmp_path / "none")


def test_runs_go_by_score_and_not_by_the_rank_written(tmp_path):
    file = tmp_path / "run"
    file.write_text("q Q0 a 1 0.5 t\nq Q0 b 2 0.9 t\nq Q0 c 3 0.5 t\nq Q0 b 4 0.1 t\n")
    assert read_run(file) == {"q": ["b", "c", "a"]}
    file.write_text("q Q0 a 1 high t\n")
    with pytest.raises(InputError, match="run:1"):
        read_run(file)


def test_a_document_stands_where_its_first_passage_is():
    hits = [
        Hit(Passage(i, document, "", "x", 0, 1), 1.0 / (i + 1))
        for i, document in enumerate(["a", "b", "a", "c"])
    ]
    assert Gold({}).ranked(hits) == ["a", "b", "c"]
    assert Gold({}, "passages").ranked(hits) == ["0", "1", "2", "3"]


def test_questions_may_name_their_documents():
    named = Question("1", "q", ("a",), ("d1", "d2"))
    assert gold_of([named, Question("2", "q", ("a",))]).grades == {"1": {"d1": 1, "d2": 1}}
    assert gold_of([Question("2", "q", ("a",))]) is None
