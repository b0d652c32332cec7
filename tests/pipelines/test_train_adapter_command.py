"""`qa train adapter`: an adapter fits questions to an index as it is."""

from __future__ import annotations

import itertools
import json
import shutil

import pytest

from encoder.question_adapter import ADAPTER
from encoder.question_side import QUESTION_ENCODER
from indexing.errors import InputError
from indexing.index import Index
from indexing.progress import SilentProgress
from pipelines import cli
from pipelines.adapter_training import fit_questions
from retriever.training.settings import AdapterTraining

NAMES = ["".join(pair) for pair in itertools.product("abcdefghij", "klmnop")]


@pytest.fixture(scope="module")
def asked(tmp_path_factory, tiny_bert):
    """Return an index where what looks most like a question never answers it, and questions."""
    wrong, right = "what is {0} what is {0}", "{0} is the capital of france, paris"
    return built(tmp_path_factory.mktemp("asked"), tiny_bert, wrong, right)


@pytest.fixture(scope="module")
def level(tmp_path_factory, tiny_bert):
    """Return an index where BM25 cannot tell what answers a question from what does not."""
    wrong, right = "{} is the capital of berlin, germany", "{} is the capital of paris, france"
    return built(tmp_path_factory.mktemp("level"), tiny_bert, wrong, right)


def built(folder, tiny_bert, wrong, right):
    lines, questions = [], []
    for name in NAMES:
        lines.append({"id": f"{name}-0", "text": wrong.format(name)})
        lines.append({"id": f"{name}-1", "text": right.format(name)})
        questions.append({"question": f"what is {name}", "answer": [right.format(name)]})
    corpus, file = folder / "corpus.jsonl", folder / "questions.jsonl"
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines))
    file.write_text("".join(json.dumps(line) + "\n" for line in questions))
    build = ["index", "build", str(corpus), "--out", str(folder / "index")]
    assert cli.main([*build, "--encoder", str(tiny_bert)]) == 0
    return folder / "index", file


def mrrs(index, file, encoder, retriever, capsys):
    """Return the MRR of the questions by the index's own encoder, and by another."""
    evaluate = ["eval", "retrieval", str(file), "--index", str(index), "--retriever", retriever]
    found = []
    for more in ([], ["--encoder", str(encoder)]):
        assert cli.main([*evaluate, "--json", *more]) == 0
        found.append(json.loads(capsys.readouterr().out)["mrr"])
    return found


def test_questions_find_more_without_new_vectors(asked, tmp_path, capsys):
    index, file = asked
    out = tmp_path / "adapted"
    command = ["train", "adapter", str(file), "--index", str(index), "--out", str(out), "--json"]
    command += ["--retriever", "dense"]
    assert cli.main([*command, "--epochs", "40", "--depth", "120"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["held_out"] == 6
    assert told["questions"] == 54
    assert told["after"]["mrr"] > told["before"]["mrr"]
    assert (out / ADAPTER).is_file()
    before, after = mrrs(index, file, out, "dense", capsys)
    assert after > before
    assert cli.main(command) == 2
    assert "there already" in capsys.readouterr().err


@pytest.mark.parametrize("more", [[], ["--whole", "--strength", "1"]])
def test_questions_find_more_in_what_bm25_leaves_open(level, tmp_path, capsys, more):
    index, file = level
    out = tmp_path / "adapted"
    command = ["train", "adapter", str(file), "--index", str(index), "--out", str(out), *more]
    assert cli.main([*command, "--learning-rate", "0.02", "--epochs", "10"]) == 0
    assert "6 held out, hybrid:" in capsys.readouterr().out
    before, after = mrrs(index, file, out, "hybrid", capsys)
    assert after > before


def test_going_on_starts_from_the_adapter(asked, tmp_path, capsys):
    index, file = asked
    first, second = tmp_path / "first", tmp_path / "second"
    train = ["train", "adapter", str(file), "--index", str(index), "--json", "--depth", "120",
             "--retriever", "dense", "--learning-rate", "0.02", "--epochs"]  # fmt: skip
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


def test_an_encoder_of_questions_is_trained_and_used(asked, tmp_path, capsys):
    index, file = asked
    out = tmp_path / "whole"
    command = ["train", "adapter", str(file), "--index", str(index), "--out", str(out), "--whole"]
    assert cli.main([*command, "--strength", "1", "--epochs", "20", "--retriever", "dense"]) == 0
    told = capsys.readouterr().out
    assert "6 held out, dense:" in told
    assert (out / QUESTION_ENCODER / "model.safetensors").is_file()
    before, after = mrrs(index, file, out, "dense", capsys)
    assert after > before
    assert not (tmp_path / "whole.part").exists()


def test_an_encoder_that_cannot_be_trained_is_refused_before_searching(asked, tiny_bert, tmp_path):
    index, file = asked
    other = tmp_path / "other"
    shutil.copytree(tiny_bert, other)
    (other / "modules.json").write_text('[{"type": "sentence_transformers.models.Dense"}]')

    def load(*_):
        raise AssertionError("it is looked at before it is opened")

    settings, progress = AdapterTraining(), SilentProgress()
    with Index.open(index) as opened, pytest.raises(InputError, match="can be trained"):
        fit_questions(
            [file], opened, other, load, settings,
            whole=True, depth=10, keep_out=[], progress=progress,
        )  # fmt: skip
