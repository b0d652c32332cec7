"""`qa pretrain` as a command, on a tiny model and corpus."""

from __future__ import annotations

import json

import pytest

from pipelines import cli
from reader.model import load_model


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    for i in range(20):
        text = f"# Page {i}\n\n" + "paris is the capital of france. berlin is in germany. " * 8
        (folder / f"page{i}.md").write_text(text)
    return folder


def pretrain(*arguments):
    return cli.main(
        ["pretrain", *map(str, arguments), "--length", "64", "--batch-tokens", "512",
         "--step-tokens", "1024"]
    )  # fmt: skip


def test_a_corpus_becomes_a_checkpoint(documents, tiny_bert, tmp_path, capsys):
    out = tmp_path / "run"
    assert pretrain(documents, "--base", tiny_bert, "--out", out, "--max-steps", 2) == 0
    assert "20 documents" in capsys.readouterr().out
    record = json.loads((out / "pretraining.json").read_text())
    assert record["boundary"] is True
    assert record["masking"]["p"] == 0.2
    assert load_model(out).base.config.hidden_size == 32


def test_adapting_a_reader_keeps_its_heads_and_takes_small_steps(documents, tiny_bert, tmp_path):
    out = tmp_path / "adapted"
    code = cli.main(
        ["pretrain", "--corpus", str(documents), "--from", str(tiny_bert), "--out", str(out),
         "--length", "64", "--max-steps", "1"]
    )  # fmt: skip
    assert code == 0
    record = json.loads((out / "pretraining.json").read_text())
    assert (record["epochs"], record["step_tokens"]) == (3.0, 8192)
    before, after = load_model(tiny_bert).base, load_model(out).base
    assert (before.qa_outputs.weight == after.qa_outputs.weight).all()


def test_bad_usage_is_told(documents, tiny_bert, tmp_path, capsys):
    assert pretrain("--base", tiny_bert, "--out", tmp_path / "a") == 2
    assert "no corpus" in capsys.readouterr().err
    missing = tmp_path / "missing"
    assert pretrain(documents, "--from", missing, "--out", tmp_path / "b") == 2
    assert "no such folder" in capsys.readouterr().err
    assert pretrain(missing, "--base", tiny_bert, "--out", tmp_path / "c") == 2
    assert "does not exist" in capsys.readouterr().err


def test_contexts_of_test_files_are_kept_out(tiny_bert, tmp_path, capsys):
    """A paragraph that a test file has is not tokenised; the others of its document are."""
    kept = "paris is the capital of france which is the capital of what " * 3
    secret = "berlin is the capital of germany which is what paris is of france " * 3
    corpus = tmp_path / "docs" / "page.txt"
    corpus.parent.mkdir()
    corpus.write_text(f"{kept}\n\n{secret}\n")
    test = tmp_path / "test.json"
    question = {"id": "q", "question": "what?", "answers": [{"text": "berlin", "answer_start": 0}]}
    paragraph = {"context": secret, "qas": [question]}
    test.write_text(json.dumps({"data": [{"title": "", "paragraphs": [paragraph]}]}))
    sizes = []
    for name, options in (("all", ()), ("some", ("--keep-out", test))):
        out = tmp_path / name
        assert pretrain(corpus, "--base", tiny_bert, "--out", out, "--max-steps", 1, *options) == 0
        manifest = json.loads((out / "tokens" / "tokens.json").read_text())
        sizes.append(sum(shard["pieces"] for shard in manifest["shards"]))
    capsys.readouterr()
    assert sizes == [36 + 39, 36]
