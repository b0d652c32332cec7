"""Questions alone, as `qa calibrate --unlabelled` takes them."""

from __future__ import annotations

import gzip
import json

import pytest

from indexing.errors import InputError
from pipelines.questions import load_question_texts, load_questions


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("log.txt", b"\n who wrote it \n\nwhere, and when, is it?\r\n"),
        (
            "log.jsonl",
            jsonl([{"question": " who wrote it"}, {"question": "where, and when, is it?"}]),
        ),
        ("log.csv", b'question\nwho wrote it\n"where, and when, is it?"\n'),
        ("log.tsv", b"who wrote it\t['Bob']\nwhere, and when, is it?\t['Rome']\n"),
        ("log.txt.gz", gzip.compress(b"who wrote it\nwhere, and when, is it?\n")),
    ],
)
def test_questions_alone(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content)
    assert load_question_texts(file) == ["who wrote it", "where, and when, is it?"]


def test_questions_alone_of_squad_and_of_bad_files(tmp_path):
    file = tmp_path / "squad.json"
    answered = {"id": "q1", "question": "What is old?", "answers": [{"text": "Rome"}]}
    impossible = {"id": "q2", "question": "What is new?", "is_impossible": True}
    paragraph = {"context": "Rome is old.", "qas": [answered, impossible]}
    file.write_text(json.dumps({"data": [{"title": "Rome", "paragraphs": [paragraph]}]}))
    assert load_question_texts(file) == ["What is old?", "What is new?"]
    empty = tmp_path / "empty.txt"
    empty.write_text("\n \n")
    with pytest.raises(InputError, match=r"empty\.txt: this holds no question"):
        load_question_texts(empty)
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"who wrote it\nwo ist K\xf6ln\n")
    with pytest.raises(InputError, match=r"latin\.txt:2: this is not UTF-8"):
        load_question_texts(latin)


def test_a_table_of_questions_alone_has_no_answers_to_load(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("question\nwho wrote it\n")
    with pytest.raises(InputError, match=r"log\.csv:2: 'answer' \(or 'answers'\) must be"):
        load_questions(file)
