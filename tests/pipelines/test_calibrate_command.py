"""`qa calibrate` on several corpora and into new folders, with a tiny untrained reader."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from pipelines import calibrate, cli
from reader.calibration import load_calibration
from reader.load import load_reader

CITIES = ("paris", "berlin")


@pytest.fixture
def reader(tiny_bert, tmp_path):
    folder = tmp_path / "reader"
    shutil.copytree(tiny_bert, folder)
    return folder


def corpus(folder, city, questions=40):
    """Write an index of one word and questions that it answers; return their paths."""
    folder.mkdir()
    documents, asked = folder / "corpus.jsonl", folder / "dev.jsonl"
    documents.write_text(json.dumps({"id": city, "title": "", "text": city}) + "\n")
    line = json.dumps({"question": f"what is {city}?", "answer": [city]}) + "\n"
    asked.write_text(line * questions)
    build = ["index", "build", str(documents), "--out", str(folder / "idx"), "--no-vectors"]
    assert cli.main(build) == 0
    return str(folder / "idx"), str(asked)


def passages_with_and_without(file, count=60):
    """Write a SQuAD 2.0-type file in which every second question has no answer."""
    paragraphs = [
        {
            "context": f"{CITIES[0]} is the capital",
            "qas": [
                {
                    "id": str(i),
                    "question": "what is the capital?" if i % 2 else "which germany?",
                    "answers": [{"text": CITIES[0], "answer_start": 0}] if i % 2 else [],
                }
            ],
        }
        for i in range(count)
    ]
    file.write_text(json.dumps({"data": [{"title": "", "paragraphs": paragraphs}]}))
    return str(file)


def test_corpora_of_the_same_names_all_count(reader, tmp_path, capsys):
    also = [
        part
        for city in CITIES
        for part in ("--also", *corpus(tmp_path / city, city))  # the same base names in two folders
    ]
    capsys.readouterr()
    assert cli.main(["calibrate", *also, "--reader", str(reader), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["questions"] == 80
    assert [(one["name"], one["questions"]) for one in report["sources"]] == [
        (f"{tmp_path / city}/dev.jsonl of {tmp_path / city}/idx", 40) for city in CITIES
    ]


def test_a_corpus_given_twice_is_refused(reader, tmp_path, capsys):
    also = ["--also", *corpus(tmp_path / "a", "paris")]
    assert cli.main(["calibrate", *also, *also, "--reader", str(reader)]) == 2
    assert f"{also[2]} of {also[1]}: given twice" in capsys.readouterr().err


@pytest.mark.parametrize("there", ["index", "questions"])
def test_a_wrong_path_is_found_before_any_question_is_asked(
    there, reader, tmp_path, monkeypatch, capsys
):
    index, questions = corpus(tmp_path / "a", "paris")
    missing = str(tmp_path / "none")
    also = [index, missing] if there == "index" else [missing, questions]
    monkeypatch.setattr(calibrate, "read_questions", None)  # fails where it is called
    command = ["calibrate", questions, "--index", index, "--reader", str(reader)]
    assert cli.main([*command, "--also", *also]) == 2
    assert missing in capsys.readouterr().err


def test_a_failed_fit_leaves_nothing(reader, tmp_path, capsys):
    index, few = corpus(tmp_path / "a", "paris", questions=3)
    reading = passages_with_and_without(tmp_path / "few.json", count=4)
    for what in ([few, "--index", index], ["--reading", reading]):
        before = sorted(tmp_path.iterdir())
        out = ["--reader", str(reader), "--out", str(tmp_path / "fitted")]
        assert cli.main(["calibrate", *what, *out]) == 2
        assert sorted(tmp_path.iterdir()) == before
    assert not (reader / "calibration.json").exists()


def test_both_fits_are_one_document_and_one_calibration(reader, tmp_path, capsys):
    index, asked = corpus(tmp_path / "a", "paris")
    file = passages_with_and_without(tmp_path / "second.json")
    capsys.readouterr()
    out = tmp_path / "fitted"
    command = ["calibrate", asked, "--index", index, "--reading", file, "--reader", str(reader)]
    assert cli.main([*command, "--out", str(out), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["asking"]["questions"] == 40
    assert report["reading"]["questions"] == 60
    stored = json.loads((out / "calibration.json").read_text())["notes"]
    assert stored["asking"]["em"] == report["asking"]["em"]
    assert stored["reading"]["accuracy"] == report["reading"]["accuracy"]
    plain = load_calibration(reader)
    fitted = load_calibration(out)
    assert fitted.logistic != plain.logistic
    assert fitted.answerable != plain.answerable
    assert cli.main([*command, "--out", str(tmp_path / "again")]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(" questions")[0] for line in printed] == ["40", "60"]
    assert all(f"stored in {tmp_path / 'again'}" in line for line in printed)


def test_reading_is_fitted_on_the_device_and_precision_asked_for(reader, tmp_path, monkeypatch):
    file = passages_with_and_without(tmp_path / "second.json")
    asked = []

    def load(name, device="auto", precision="auto", settings=None):
        asked.append((device, precision))
        return load_reader(name, device, precision, settings)

    monkeypatch.setattr("reader.load.load_reader", load)
    command = ["calibrate", "--reading", file, "--reader", str(reader)]
    assert cli.main([*command, "--device", "cpu", "--precision", "fp32"]) == 0
    assert asked == [("cpu", "fp32")]


@pytest.fixture
def fitted(reader, tmp_path):
    """An index, and a reader whose probabilities were fitted on its questions."""
    index, asked = corpus(tmp_path / "a", "paris")
    assert cli.main(["calibrate", asked, "--index", index, "--reader", str(reader)]) == 0
    return index, reader


def unlabelled(file, questions):
    file.write_text("".join(f"{question}\n" for question in questions))
    return str(file)


def test_questions_without_answers_move_probabilities(fitted, tmp_path, capsys):
    index, reader = fitted
    before = load_calibration(reader)
    # Nothing is found for words that the corpus lacks: no answer, probability 0.
    file = unlabelled(tmp_path / "asked.txt", ["what is paris?"] * 20 + ["", "xyz"] * 20)
    command = ["calibrate", "--unlabelled", file, "--index", index, "--reader", str(reader)]
    capsys.readouterr()
    assert cli.main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["questions"] == 40
    after = load_calibration(reader)
    assert after == replace(before, shift=after.shift)
    assert report["shift"] == after.shift < 0
    assert report["shift_ci95"][0] < after.shift < report["shift_ci95"][1]
    assert report["mean_probability"] < report["mean_probability_before"]

    assert cli.main([*command, "--json"]) == 0  # from the fit again, not from the shift
    assert json.loads(capsys.readouterr().out) == report
    ask = ["ask", "what is paris?", "--index", index, "--reader", str(reader), "--json"]
    assert cli.main(ask) == 0
    shown = json.loads(capsys.readouterr().out)["answers"][0]["probability"]
    assert shown == pytest.approx(2 * report["mean_probability"], abs=5e-5)

    asked = str(tmp_path / "a" / "dev.jsonl")
    assert cli.main(["calibrate", asked, "--index", index, "--reader", str(reader)]) == 0
    refitted = json.loads((reader / "calibration.json").read_text())
    assert refitted["shift"] == 0
    assert sorted(refitted["notes"]) == ["asking"]


def test_questions_that_nothing_answers_are_told_of_and_the_threshold_stays(
    fitted, tmp_path, capsys
):
    index, reader = fitted
    command = ["calibrate", "--index", index, "--reader", str(reader)]
    assert cli.main([*command, str(tmp_path / "a" / "dev.jsonl"), "--threshold", "0.2"]) == 0
    file = unlabelled(tmp_path / "asked.txt", ["xyz"] * 30)
    capsys.readouterr()
    assert cli.main([*command, "--unlabelled", file]) == 0
    printed = capsys.readouterr().out
    assert "30 questions without answers: mean probability 0.0 %" in printed
    assert "do questions and index match?" in printed
    assert load_calibration(reader).threshold == 0.2
    assert cli.main([*command, "--unlabelled", file, "--threshold", "0.3"]) == 0
    assert load_calibration(reader).threshold == 0.3


@pytest.mark.parametrize(
    ("questions", "more", "wanted"),
    [
        (["what is paris?"] * 29, ["--index", "INDEX"], "29 questions are too few"),
        (["what is paris?"] * 30, [], "add --index DIR"),
        (["what is paris?"] * 30, ["--index", "INDEX", "--also", "x", "y"], "by themselves"),
        ([], ["--index", "INDEX"], "asked.txt: this holds no question"),
    ],
)
def test_unusable_questions_without_answers_are_refused(
    fitted, tmp_path, capsys, questions, more, wanted
):
    index, reader = fitted
    before = (reader / "calibration.json").read_text()
    file = unlabelled(tmp_path / "asked.txt", questions)
    more = [index if part == "INDEX" else part for part in more]
    assert cli.main(["calibrate", "--unlabelled", file, *more, "--reader", str(reader)]) == 2
    assert wanted in capsys.readouterr().err
    assert (reader / "calibration.json").read_text() == before


def test_a_reader_that_was_never_fitted_has_nothing_to_move(reader, tmp_path, capsys):
    index, asked = corpus(tmp_path / "a", "paris")
    command = ["calibrate", "--unlabelled", asked, "--index", index, "--reader", str(reader)]
    assert cli.main(command) == 2
    assert "run qa calibrate with answered questions first" in capsys.readouterr().err
    assert not (reader / "calibration.json").exists()
