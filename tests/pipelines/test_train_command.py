"""`qa train reader` and `qa calibrate` as commands, on a tiny model and corpus."""

from __future__ import annotations

import json

import pytest

from pipelines import cli
from reader.calibration import load_calibration

COUNTRIES = {"france": "paris", "germany": "berlin", "italy": "rome", "spain": "madrid"}


@pytest.fixture(scope="module")
def squad_file(tmp_path_factory):
    paragraphs = []
    for i in range(40):
        country, city = list(COUNTRIES.items())[i % 4]
        text = f"{'which ' * (i % 7)}{city} is the capital of {country}"
        answer = {"text": city, "answer_start": text.index(city)}
        qa = {"id": str(i), "question": f"what is the capital of {country}?", "answers": [answer]}
        paragraphs.append({"context": text, "qas": [qa]})
    file = tmp_path_factory.mktemp("train") / "train.json"
    file.write_text(json.dumps({"data": [{"title": "", "paragraphs": paragraphs}]}))
    return file


@pytest.fixture(scope="module")
def trained(tiny_bert, squad_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("reader") / "run"
    code = cli.main(
        ["train", "reader", str(squad_file), "--base", str(tiny_bert), "--out", str(out),
         "--epochs", "8", "--batch", "4", "--learning-rate", "0.003", "--seed", "1"]
    )  # fmt: skip
    assert code == 0
    return out


def test_training_leaves_a_checkpoint_and_its_settings(trained):
    assert (trained / "model.safetensors").stat().st_size > 0
    settings = json.loads((trained / "training.json").read_text())
    assert settings["batches"]["questions"] == 4
    assert settings["seed"] == 1


def test_calibration_is_stored_with_the_checkpoint_and_used(trained, tmp_path, capsys):
    corpus = tmp_path / "corpus.jsonl"
    questions = tmp_path / "questions.jsonl"
    with corpus.open("w") as documents, questions.open("w") as asked:
        for country, city in COUNTRIES.items():
            text = f"{city} is the capital of {country}"
            documents.write(json.dumps({"id": country, "title": country, "text": text}) + "\n")
        for i in range(60):
            country, city = list(COUNTRIES.items())[i % 4]
            wrong = i % 3 == 0
            answer = ["nowhere"] if wrong else [city]
            line = {"question": f"what is the capital of {country}?", "answer": answer}
            asked.write(json.dumps(line) + "\n")
    index = tmp_path / "index"
    assert cli.main(["index", "build", str(corpus), "--out", str(index), "--no-vectors"]) == 0
    capsys.readouterr()
    code = cli.main(
        ["calibrate", str(questions), "--index", str(index), "--reader", str(trained), "--json"]
    )
    report = json.loads(capsys.readouterr().out)
    assert code == 0
    assert report["questions"] == 60
    assert report["mean_probability"] == pytest.approx(report["calibrated_em"], abs=0.1)
    assert load_calibration(trained).threshold == report["threshold"]


def test_too_few_questions_are_refused(trained, tmp_path, capsys):
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(json.dumps({"id": "x", "text": "paris is the capital of france"}))
    questions = tmp_path / "q.jsonl"
    questions.write_text(json.dumps({"question": "what?", "answer": ["paris"]}))
    index = tmp_path / "index"
    cli.main(["index", "build", str(corpus), "--out", str(index), "--no-vectors"])
    code = cli.main(["calibrate", str(questions), "--index", str(index), "--reader", str(trained)])
    assert code == 2
    assert "too few" in capsys.readouterr().err
