"""`qa train rescorer` as a command, on a tiny reader and passages of one word each."""

from __future__ import annotations

import itertools
import json

import pytest
import torch

from pipelines import cli, rescorer_candidates
from pipelines.rescorer_candidates import READ_AGAIN, _chosen
from reader import rescorer_training
from reader.load import load_reader
from reader.model import load_model
from reader.rescoring import RESCORER

NAMES = ["".join(pair) for pair in itertools.product("bcdfgh", "klmnp")]
WORK = "rescorer-training"


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Return an index whose passages are one word, each an answer, and questions of three words."""
    folder = tmp_path_factory.mktemp("asked")
    lines = [{"id": name, "title": "", "text": name} for name in NAMES]
    questions = []
    for i in range(60):
        names = [NAMES[(i + step) % len(NAMES)] for step in (0, 7, 11)]
        questions.append({"question": f"which: {' '.join(names)}", "answer": [names[1]]})
    questions.append({"question": "which: bk bl", "answer": ["rome"]})
    questions.append({"question": "which: bk", "answer": ["bk"]})  # nothing wrong
    corpus, file = folder / "corpus.jsonl", folder / "questions.jsonl"
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines))
    file.write_text("".join(json.dumps(line) + "\n" for line in questions))
    build = ["index", "build", str(corpus), "--out", str(folder / "index"), "--no-vectors"]
    assert cli.main(build) == 0
    return folder / "index", file


@pytest.fixture
def command(asked, tiny_bert, tmp_path):
    index, file = asked
    return ["train", "rescorer", str(file), "--index", str(index), "--reader", str(tiny_bert),
            "--retriever", "bm25", "--out", str(tmp_path / "out"), "--precision", "fp32",
            "--epochs", "2", "--batch", "8", "--learning-rate", "0.001"]  # fmt: skip


def lines_of(out, corpus=""):
    text = (out / WORK / corpus / "candidates.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def trained_by(out):
    return json.loads((out / RESCORER / "training.json").read_text())["settings"]


def test_a_reader_gets_a_rescorer(command, tiny_bert, asked, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["candidates"] == {"asked": 62, "written": 60, "without_right": 1}
    assert told["trained"] + told["held_out"] == 60
    assert 0 <= told["before"] <= told["held_out"]
    for number, line in enumerate(lines_of(out)):
        names = [NAMES[(number + step) % len(NAMES)] for step in (0, 7, 11)]
        found = {one["text"][one["start"] : one["end"]]: one["right"] for one in line["candidates"]}
        assert found == {name: name == names[1] for name in names}
    for file in tiny_bert.iterdir():
        assert (out / file.name).read_bytes() == file.read_bytes()
    assert sorted(file.name for file in (out / RESCORER).iterdir()) == [
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
        "training.json", "vocab.txt",
    ]  # fmt: skip
    load_reader(out, "cpu", "fp32")
    load_reader(out / RESCORER, "cpu", "fp32")
    # From the new reader on: the next rescorer goes on from this one and takes its place.
    again = [str(tmp_path / "again") if part == str(out) else part for part in command]
    again = [str(out) if part == str(tiny_bert) else part for part in again]
    assert cli.main([*again, "--seed", "2"]) == 0
    printed = capsys.readouterr().out
    assert "62 questions asked: 60 with a right answer and a wrong one, 1 without" in printed
    assert f"qa calibrate QUESTIONS --index {asked[0]} --reader {tmp_path / 'again'}" in printed
    settings = trained_by(tmp_path / "again")
    assert (settings["seed"], settings["base"]) == (2, str(out / RESCORER))
    assert settings["goes_on"]
    anew = [str(tmp_path / "anew") if part == str(tmp_path / "again") else part for part in again]
    assert cli.main([*anew, "--anew"]) == 0
    settings = trained_by(tmp_path / "anew")
    assert settings["base"] == str(out)
    assert not settings["goes_on"]


def test_a_run_killed_in_each_phase_goes_on(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(rescorer_candidates, "_BLOCK", 8)
    whole = [str(tmp_path / "whole") if part.endswith("/out") else part for part in command]
    assert cli.main([*whole, "--json"]) == 0
    wanted = json.loads(capsys.readouterr().out)
    out, calls = tmp_path / "out", []

    def dying(real, allowed):
        def call(*args):
            calls.append(real.__name__)
            if calls.count(real.__name__) > allowed:
                raise KeyboardInterrupt
            return real(*args)

        return call

    with monkeypatch.context() as patch:  # a block is in the file, but not noted as done
        patch.setattr(rescorer_candidates, "_save", dying(rescorer_candidates._save, 2))
        assert cli.main(command) == 130
    assert len(lines_of(out)) == 24
    with (out / WORK / "candidates.jsonl").open("a") as file:
        file.write('{"question": "half a li')
    with monkeypatch.context() as patch:
        patch.setattr(rescorer_training, "_step", dying(rescorer_training._step, 3))
        assert cli.main([*command, "--resume"]) == 130
    assert lines_of(out) == lines_of(tmp_path / "whole")
    assert not (out / RESCORER).exists()
    assert not (out / "config.json").exists()  # no reader yet
    with monkeypatch.context() as patch:  # what is done is not done again
        patch.setattr(rescorer_candidates, "_ask", dying(rescorer_candidates._ask, 0))
        assert cli.main([*command, "--resume"]) == 0
        capsys.readouterr()
        assert cli.main([*command, "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == wanted | {"out": str(out)}
    others = load_model(tmp_path / "whole" / RESCORER).state_dict()
    for name, tensor in load_model(out / RESCORER).state_dict().items():
        torch.testing.assert_close(tensor, others[name], rtol=0, atol=0)


def test_a_folder_that_is_no_stopped_run_is_refused(command, asked, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert cli.main(command) == 2
    assert "is there already" in capsys.readouterr().err
    assert cli.main([*command, "--resume"]) == 2
    assert "holds no run of `qa train rescorer`" in capsys.readouterr().err
    assert [file.name for file in out.iterdir()] == ["notes.txt"]


def test_other_sources_and_settings_do_not_resume(command, tmp_path, capsys):
    assert cli.main(command) == 0
    capsys.readouterr()
    for more in (["--top-k", "3"], ["--epochs", "3"]):
        assert cli.main([*command, "--resume", *more]) == 2
        assert "other settings" in capsys.readouterr().err
    other = tmp_path / "other.jsonl"
    other.write_text('{"question": "which: bk bl", "answer": ["bl"]}\n')
    command[2] = str(other)
    assert cli.main([*command, "--resume"]) == 2
    assert "other settings" in capsys.readouterr().err


def test_another_index_is_asked_its_own_questions(command, tmp_path, monkeypatch, capsys):
    corpus, file = tmp_path / "more.jsonl", tmp_path / "more-questions.jsonl"
    corpus.write_text("".join(json.dumps({"id": name, "text": name}) + "\n" for name in NAMES[:3]))
    questions = [{"question": f"which {i}: bk bl bm", "answer": ["bl"]} for i in range(7)]
    file.write_text("".join(json.dumps(question) + "\n" for question in questions))
    index, out = str(tmp_path / "more"), tmp_path / "out"
    assert cli.main(["index", "build", str(corpus), "--out", index, "--no-vectors"]) == 0
    command += ["--also", index, str(file)]
    ask, read = rescorer_candidates._ask, []

    def counting(block, *others):
        read.extend(question.text for question in block)
        return ask(block, *others)

    def stopped(block, *others):
        if block[0].text == questions[0]["question"]:
            raise KeyboardInterrupt
        return ask(block, *others)

    monkeypatch.setattr(rescorer_candidates, "_ask", stopped)
    assert cli.main(command) == 130
    monkeypatch.setattr(rescorer_candidates, "_ask", counting)
    capsys.readouterr()
    assert cli.main([*command, "--resume", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["candidates"] == {"asked": 69, "written": 67, "without_right": 1}
    assert told["trained"] + told["held_out"] == 67
    assert read == [one["question"] for one in questions]  # the first index was asked before
    others = lines_of(out, "also-1")
    assert {one["text"] for line in others for one in line["candidates"]} == {"bk", "bl", "bm"}


@pytest.mark.parametrize("there", ["index", "questions"])
def test_a_wrong_path_is_found_before_any_question_is_asked(
    there, command, asked, tmp_path, capsys
):
    missing = str(tmp_path / "none")
    also = [str(asked[0]), missing] if there == "index" else [missing, str(asked[1])]
    assert cli.main([*command, "--also", *also]) == 2
    assert missing in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_kept_out_questions_and_passages_do_not_train(command, asked, tmp_path, capsys):
    kept = tmp_path / "kept.json"
    context = "bk bl bm bn bp ck cl cm cn cp"  # runs of eight words: no passage stands in it
    qas = [{"id": "1", "question": "Which: bk cm ch?", "answers": []}]
    first = json.loads(asked[1].read_text().splitlines()[0])["question"]
    qas.append({"id": "2", "question": first.upper(), "answers": []})
    kept.write_text(json.dumps({"data": [{"paragraphs": [{"context": context, "qas": qas}]}]}))
    assert cli.main([*command, "--keep-out", str(kept), "--json"]) == 0
    # The first question comes again as the thirty-first.
    assert json.loads(capsys.readouterr().out)["candidates"]["asked"] == 60
    assert first not in {line["question"] for line in lines_of(tmp_path / "out")}


def test_kept_out_passages_are_not_read(tiny_bert, tmp_path, capsys):
    words = "bk cl dm fn gp hk bl cm"
    corpus, file, kept = (tmp_path / name for name in ("c.jsonl", "q.jsonl", "kept.json"))
    texts = [words, *NAMES[:9]]
    corpus.write_text(
        "".join(json.dumps({"id": str(i), "text": text}) + "\n" for i, text in enumerate(texts))
    )
    questions = [{"question": f"which {i}: bk bl", "answer": ["bl"]} for i in range(30)]
    file.write_text("".join(json.dumps(question) + "\n" for question in questions))
    qas = [{"id": "1", "question": "what?", "answers": []}]
    kept.write_text(json.dumps({"data": [{"paragraphs": [{"context": words, "qas": qas}]}]}))
    index = str(tmp_path / "index")
    assert cli.main(["index", "build", str(corpus), "--out", index, "--no-vectors"]) == 0
    command = ["train", "rescorer", str(file), "--index", index, "--reader", str(tiny_bert)]
    for name, more in (("plain", []), ("kept", ["--keep-out", str(kept)])):
        assert cli.main([*command, "--out", str(tmp_path / name), "--epochs", "1", *more]) == 0
    read = {
        name: {one["text"] for line in lines_of(tmp_path / name) for one in line["candidates"]}
        for name in ("plain", "kept")
    }
    assert words in read["plain"]
    assert read["kept"] == {"bk", "bl"}


def test_sources_that_cannot_train_leave_nothing(command, asked, tmp_path, capsys):
    assert cli.main([*command, "--keep-out", str(asked[1])]) == 2
    assert "no question that may train" in capsys.readouterr().err
    command[2] = str(tmp_path / "none.jsonl")
    assert cli.main(command) == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("right", "wanted"),
    [
        ([0, 1, 0, 0, 0, 1], [0, 1, 2, 3, 4]),
        ([0, 0, 0, 0, 0, 1], [0, 1, 2, 3, 5]),
        ([0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 4]),
        ([0, 0, 1], [0, 1, 2]),
        ([0, 0], [0, 1]),
        ([], []),
    ],
)
def test_a_late_right_answer_takes_the_last_place(right, wanted):
    candidates = [
        {"title": "", "text": "x", "start": number, "end": 9, "right": bool(label)}
        for number, label in enumerate(right)
    ]
    assert READ_AGAIN == 5
    assert [one["start"] for one in _chosen(candidates)] == wanted
