"""`qa train adapter`: an adapter fits questions to an index as it is."""

from __future__ import annotations

import itertools
import json

import pytest

from encoder.question_adapter import ADAPTER
from pipelines import cli

NAMES = ["".join(pair) for pair in itertools.product("abcdefghij", "klmnop")]


@pytest.fixture(scope="module")
def asked(tmp_path_factory, tiny_bert):
    """Return an index where what looks most like a question never answers it, and questions."""
    folder = tmp_path_factory.mktemp("asked")
    lines, questions = [], []
    for name in NAMES:
        lines.append({"id": f"{name}-0", "text": f"what is {name} what is {name}"})
        lines.append({"id": f"{name}-1", "text": f"{name} is the capital of france, paris"})
        questions.append({"question": f"what is {name}", "answer": [f"{name} is the capital"]})
    corpus, file = folder / "corpus.jsonl", folder / "questions.jsonl"
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines))
    file.write_text("".join(json.dumps(line) + "\n" for line in questions))
    build = ["index", "build", str(corpus), "--out", str(folder / "index")]
    assert cli.main([*build, "--encoder", str(tiny_bert)]) == 0
    return folder / "index", file


def test_questions_find_more_without_new_vectors(asked, tmp_path, capsys):
    index, file = asked
    out = tmp_path / "adapted"
    command = ["train", "adapter", str(file), "--index", str(index), "--out", str(out), "--json"]
    assert cli.main([*command, "--epochs", "40", "--depth", "120"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["held_out"] == 6
    assert told["questions"] == 54
    assert told["after"]["mrr"] > told["before"]["mrr"]
    assert (out / ADAPTER).is_file()
    evaluate = ["eval", "retrieval", str(file), "--index", str(index), "--retriever", "dense"]
    scores = []
    for more in ([], ["--encoder", str(out)]):
        assert cli.main([*evaluate, "--json", *more]) == 0
        scores.append(json.loads(capsys.readouterr().out)["mrr"])
    assert scores[1] > scores[0]
    assert cli.main(command) == 2
    assert "there already" in capsys.readouterr().err


def test_going_on_starts_from_the_adapter(asked, tmp_path, capsys):
    index, file = asked
    first, second = tmp_path / "first", tmp_path / "second"
    train = ["train", "adapter", str(file), "--index", str(index), "--json", "--depth", "120",
             "--learning-rate", "0.02", "--epochs"]  # fmt: skip
    assert cli.main([*train, "40", "--out", str(first)]) == 0
    told = json.loads(capsys.readouterr().out)
    before, after = told["before"], told["after"]
    assert after["mrr"] > before["mrr"] + 0.04
    cli.main([*train, "1", "--out", str(second), "--encoder", str(first)])
    assert json.loads(capsys.readouterr().out)["before"]["mrr"] == pytest.approx(
        after["mrr"], abs=0.02
    )
    assert cli.main([*train, "40", "--out", str(tmp_path / "none"), "--strength", "0"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["after"] == told["before"]


def test_what_does_not_help_is_not_written(asked, tmp_path, capsys):
    index, file = asked
    out = tmp_path / "useless"
    command = ["train", "adapter", str(file), "--index", str(index), "--out", str(out)]
    assert cli.main([*command, "--learning-rate", "0"]) == 1
    assert "nothing written" in capsys.readouterr().out
    assert not out.exists()


def test_kept_out_questions_and_answers_that_are_nowhere_are_told(asked, tmp_path, capsys):
    index, file = asked
    command = ["train", "adapter", "--index", str(index), "--out", str(tmp_path / "out")]
    assert cli.main([*command, str(file), "--keep-out", str(file)]) == 2
    assert "too few questions" in capsys.readouterr().err
    other = tmp_path / "other.jsonl"
    other.write_text("".join(f'{{"question": "what {n}", "answer": ["rome"]}}\n' for n in NAMES))
    assert cli.main([*command, str(other)]) == 2
    assert "too few questions" in capsys.readouterr().err
