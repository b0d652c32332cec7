from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.build import BuildSettings, build_index
from indexing.documents import Passage
from indexing.index import Index
from indexing.problems import Problems
from indexing.splitting import SplitSettings
from pipelines import cli
from pipelines.questions import load_reading
from pipelines.quoted_labels import LabelCounts, answer_ranges, passage_of, write_labels

words = st.lists(st.sampled_from(["ab", "bc", "ca", "x"]), min_size=1, max_size=4).map(" ".join)


@given(before=words, quote=words, after=words, answer=words)
def test_ranges_hold_the_answer_within_the_only_quote(before, quote, after, answer):
    text = f"{before}|{quote}|{after}"
    if text.count(quote) != 1 or answer not in quote:
        with pytest.raises(ValueError, match="stand"):
            answer_ranges(text, quote, [answer])
        return
    found = answer_ranges(text, quote, [answer])
    begin = text.index(quote)
    every = [i for i in range(begin, begin + len(quote)) if text.startswith(answer, i)]
    assert found == [(i, i + len(answer)) for i in every if i + len(answer) <= begin + len(quote)]


def test_the_passage_is_the_one_with_most_text_around_the_answer():
    first, second = Passage(1, "d", "", "x" * 30, 0, 30), Passage(2, "d", "", "x" * 30, 15, 45)
    assert passage_of((20, 22), [first, second]) is first
    assert passage_of((27, 29), [first, second]) is second
    assert passage_of((10, 20), [first, second]) is first
    assert passage_of((10, 40), [first, second]) is None


TEXT = " ".join(f"word{n}" for n in range(40)) + ". The office opens at 9 am on weekdays."
ROW = {
    "id": "a",
    "question": "when can I come",
    "answer": ["9 am", "at 9 am"],
    "document_id": "hours.md",
    "quote": "The office opens at 9 am",
}


@pytest.fixture
def index_folder(tmp_path):
    (tmp_path / "hours.md").write_text(TEXT)
    settings = BuildSettings(splitting=SplitSettings(words=20, stride=20))
    build_index([tmp_path / "hours.md"], tmp_path / "index", settings)
    return tmp_path / "index"


def questions_file(tmp_path, *rows):
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


def test_labels_are_squad_questions_over_passages_of_the_index(index_folder, tmp_path):
    rows = [
        ROW,
        {"question": "who owns it", "answer": [], "near": "hours.md"},
        {"question": "first word", "answer": "word0 word1", "document_id": "hours.md"},
    ]
    out, problems = tmp_path / "labels.json", Problems(strict=True)
    with Index.open(index_folder) as index:
        counts = write_labels(questions_file(tmp_path, *rows), index, out, problems)
    assert counts == LabelCounts(questions=3, labelled=2, unanswered=1)
    examples = load_reading(out).examples
    assert {e.question: set(e.answers) for e in examples} == {
        "when can I come": {"9 am", "at 9 am"},
        "first word": {"word0 word1"},
    }
    (article,) = json.loads(out.read_text())["data"]
    for paragraph in article["paragraphs"]:
        assert paragraph["context"] in TEXT
        for qa in paragraph["qas"]:
            for answer in qa["answers"]:
                start = answer["answer_start"]
                assert paragraph["context"][start:].startswith(answer["text"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quote": "word"}, "the quote stands 40 times"),
        ({"quote": "opens at"}, "'9 am' does not stand in the quote"),
        ({"quote": 9}, "'quote' is missing or is not a text"),
        ({"document_id": "other.md"}, "holds no document 'other.md'"),
        ({"document_id": None}, "'document_id' is missing"),
        ({"question": " "}, "'question' is missing"),
        ({"answer": [TEXT[:-1]], "quote": TEXT}, "no passage of 'hours.md' holds"),
    ],
)
def test_what_cannot_be_used_is_named_and_counted(index_folder, tmp_path, change, reason, capsys):
    file, out = questions_file(tmp_path, ROW, ROW | change), tmp_path / "labels.json"
    command = ["train", "labels", str(file), "--index", str(index_folder), "--out", str(out)]
    assert cli.main([*command, "--strict"]) == 2
    assert f"{file}:2: not a label" in capsys.readouterr().err
    assert not out.exists()
    assert cli.main([*command, "--json"]) == 0
    said = capsys.readouterr()
    assert f"{file}:2: not a label" in said.err
    assert reason in said.err
    counts = {"questions": 2, "labelled": 1, "unanswered": 0, "skipped": 1, "out": str(out)}
    assert json.loads(said.out) == counts
    assert cli.main(command) == 2
    assert "is there already" in capsys.readouterr().err


def test_an_empty_quote_is_a_missing_one(index_folder, tmp_path):
    file, out = tmp_path / "questions.csv", tmp_path / "labels.json"
    file.write_text('question,answer,document_id,quote\nfirst,"[""word0 word1""]",hours.md,\n')
    rows = [ROW | {"answer": ["9 am on"], "quote": quote} for quote in (None, "", " ")]
    with Index.open(index_folder) as index:
        counts = write_labels(file, index, out, Problems(strict=True))
        assert counts.labelled == 1
        out.unlink()
        counts = write_labels(questions_file(tmp_path, *rows), index, out, Problems(strict=True))
    assert counts.labelled == 3


def test_without_a_usable_question_nothing_is_written(index_folder, tmp_path, capsys):
    file, out = questions_file(tmp_path, ROW | {"answer": []}), tmp_path / "labels.json"
    command = ["train", "labels", str(file), "--index", str(index_folder), "--out", str(out)]
    assert cli.main(command) == 2
    assert "no question has an answer" in capsys.readouterr().err
    assert not out.exists()
