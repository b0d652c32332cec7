"""`qa train retriever` as a command, and the examples that files and corpora become."""

from __future__ import annotations

import json

import numpy as np
import pytest

from indexing.errors import InputError
from pipelines import cli
from pipelines.answer_match import has_answer
from pipelines.retriever_examples import load_examples

COUNTRIES = {"france": "paris", "germany": "berlin", "italy": "rome", "spain": "madrid"}


@pytest.fixture
def squad_file(tmp_path):
    paragraphs = []
    for country, city in COUNTRIES.items():
        text = f"{city} is the capital of {country}. " + "which is what. " * 70
        answer = {"text": city, "answer_start": 0}
        qa = {"id": country, "question": f"what is the capital of {country}", "answers": [answer]}
        paragraphs.append({"context": text, "qas": [qa]})
    file = tmp_path / "train.json"
    file.write_text(json.dumps({"data": [{"title": "Towns", "paragraphs": paragraphs}]}))
    return file


def mined_line(**changes):
    passages = [
        {"title": "", "text": "paris is the capital", "answers": [[0, 5]]},
        {"title": "", "text": "berlin is the capital", "answers": []},
    ]
    line = {"id": "1", "question": "what is the capital", "answers": ["Paris"]}
    return json.dumps(line | {"passages": passages} | changes) + "\n"


def test_squad_paragraphs_are_cut_and_get_negatives(squad_file):
    data = load_examples([squad_file])
    assert len(data.questions) == 4
    for number, question in enumerate(data.questions):
        city = list(COUNTRIES.values())[number]
        (positive,) = question.positives
        assert data.passages[positive][0] == "Towns"
        assert has_answer([city], data.passages[positive][1])
        assert len(data.passages[positive][1].split()) <= 100
        assert question.negatives
        assert not any(has_answer([city], data.passages[n][1]) for n in question.negatives)
    held = data.answers.held([0], range(len(data.passages)))
    assert held.sum() == 1


def test_mined_lines_are_read(tmp_path):
    file = tmp_path / "mined.jsonl"
    file.write_text(mined_line())
    data = load_examples([file])
    (question,) = data.questions
    assert (question.positives, question.negatives) == ((0,), (1,))
    assert data.answers.held([0], [1, 0]).tolist() == [[False, True]]


@pytest.mark.parametrize(
    "line",
    [
        "not json\n",
        mined_line(question=""),
        mined_line(passages=[{"title": "", "text": "paris"}]),
        json.dumps({"question": "what", "answer": ["paris"]}) + "\n",
        json.dumps({"question": "what", "context": "rome", "answers": ["paris"]}) + "\n",
    ],
)
def test_bad_input_is_named_with_its_place(tmp_path, line):
    file = tmp_path / "mined.jsonl"
    file.write_text(mined_line() + line)
    with pytest.raises(InputError, match=r"mined\.jsonl:2"):
        load_examples([file])


def test_the_command_trains_an_encoder_that_an_index_uses(tiny_bert, squad_file, tmp_path, capsys):
    out, index = tmp_path / "out", tmp_path / "index"
    code = cli.main(
        ["train", "retriever", str(squad_file), "--base", str(tiny_bert), "--out", str(out),
         "--batch", "2", "--max-steps", "2", "--distil", str(tiny_bert)]
    )  # fmt: skip
    assert code == 0
    assert "--encoder" in capsys.readouterr().out
    assert np.load(out / "teacher.npy").dtype == np.float32
    assert json.loads((out / "retriever_training.json").read_text())["batch"] == 2
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(json.dumps({"id": "x", "text": "paris is the capital of france"}) + "\n")
    arguments = ["index", "build", str(corpus), "--out", str(index), "--encoder", str(out)]
    assert cli.main(arguments) == 0


def test_the_command_adapts_to_plain_text(tiny_bert, tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    for number, (country, city) in enumerate(COUNTRIES.items()):
        text = f"The capital of {country} is {city}. It is a large old town. " * (1 + 20 * number)
        (folder / f"{country}.txt").write_text(text)
    code = cli.main(
        ["train", "retriever", "--adapt", str(folder), "--base", str(tiny_bert),
         "--out", str(tmp_path / "out"), "--batch", "4"]
    )  # fmt: skip
    assert code == 0
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_bad_usage_is_told(squad_file, tmp_path, capsys):
    out = str(tmp_path / "out")
    assert cli.main(["train", "retriever", "--out", out]) == 2
    assert "--adapt" in capsys.readouterr().err
    both = ["train", "retriever", "--adapt", str(tmp_path), "--distil", "default", "--out", out]
    assert cli.main(both) == 2
    assert "--distil" in capsys.readouterr().err


def test_a_failed_start_leaves_nothing(tiny_bert, squad_file, tmp_path, capsys):
    """Neither a file without questions nor a teacher that is none uses the folder up."""
    empty, out, no_reader = tmp_path / "empty.json", tmp_path / "out", tmp_path / "no-reader"
    empty.write_text(json.dumps({"data": []}))
    no_reader.mkdir()
    begin = ["train", "retriever", "--base", str(tiny_bert), "--out", str(out)]
    for arguments in ([str(empty)], [str(squad_file), "--distil", str(no_reader)]):
        assert cli.main([*begin, *arguments]) == 2
        assert not out.exists()
    assert "nothing in it to train" in capsys.readouterr().err
    assert cli.main([*begin, str(squad_file), "--batch", "2", "--max-steps", "1"]) == 0
