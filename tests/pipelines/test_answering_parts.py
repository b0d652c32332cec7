"""Evaluations go on only with the index and the models that they began with."""

from __future__ import annotations

import json
import shutil

import pytest

from encoder.load import load_encoder
from encoder.question_side import QUESTION_ENCODER
from indexing.build import build_index
from pipelines import cli
from pipelines.answering_parts import part_fingerprints
from reader.rescoring import RESCORER

FACTS = [
    {"id": "rome", "title": "Rome", "text": "Rome is the capital of Italy."},
    {"id": "oslo", "title": "Oslo", "text": "Oslo is the capital of Norway."},
]


def lines_file(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.fixture
def parts(tiny_bert, tmp_path):
    """Return an index with its encoder and a reader, each in a folder of its own."""
    encoder, reader = tmp_path / "encoder", tmp_path / "reader"
    shutil.copytree(tiny_bert, encoder)
    shutil.copytree(tiny_bert, reader)
    loaded = load_encoder(str(encoder), "cpu", "fp32")
    build_index([lines_file(tmp_path / "c.jsonl", FACTS[:1])], tmp_path / "index", encoder=loaded)
    return tmp_path / "index", encoder, reader


@pytest.mark.parametrize(
    ("part", "changed"),
    [
        ("reader files", "reader/calibration.json"),
        ("reader files", f"reader/{RESCORER}/model.safetensors"),
        ("encoder files", "encoder/question_adapter.safetensors"),
        ("encoder files", f"encoder/{QUESTION_ENCODER}/model.safetensors"),
        ("index manifest", "index/manifest.json"),
    ],
)
def test_each_part_has_a_hash_that_changes_with_its_files(parts, part, changed):
    index, encoder, reader = parts
    before = part_fingerprints(index, reader=str(reader))
    assert set(before) == {"index manifest", "reader files", "encoder files"}
    assert part_fingerprints(index, reader=str(reader), encoder=str(encoder)) == before
    file = index.parent / changed
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as opened:
        opened.write("\n")
    after = part_fingerprints(index, reader=str(reader))
    assert {name for name in before if before[name] != after[name]} == {part}


def test_only_what_is_opened_has_a_hash(parts, tiny_cross_encoder):
    index, _, reader = parts
    found = part_fingerprints(index, reader=str(reader), retriever="bm25", encoder="none such")
    assert set(found) == {"index manifest", "reader files"}
    again = part_fingerprints(index, reader=str(reader), rerank=str(tiny_cross_encoder))
    assert "reranker files" in again


def evaluate(capsys, parts, *more):
    index, _, reader = parts
    questions = index.parent / "q.jsonl"
    row = {"question": "What is the capital of Norway?", "answer": ["Oslo"]}
    arguments = [lines_file(questions, [row]), "--index", index, "--reader", reader, "--json"]
    arguments += ["--device", "cpu", "--report", index.parent / "report", *more]
    code = cli.main(["eval", "open", *map(str, arguments)])
    captured = capsys.readouterr()
    return (json.loads(captured.out), "") if code == 0 else (code, captured.err)


def test_an_evaluation_goes_on_with_nothing_changed_alone(parts, capsys):
    index, encoder, _ = parts
    first, _ = evaluate(capsys, parts, "--precision", "fp32")
    again, _ = evaluate(capsys, parts, "--precision", "fp32")
    assert first["questions_per_second"] > 0
    assert again["questions_per_second"] is None
    assert again["exact_match"] == first["exact_match"]
    code, said = evaluate(capsys, parts, "--precision", "bf16")
    assert code == 2
    assert "another run (precision was 'fp32', now 'bf16')" in said
    added = lines_file(index.parent / "more.jsonl", FACTS[1:])
    command = ["index", "add", str(added), "--index", str(index), "--encoder", str(encoder)]
    assert cli.main(command) == 0
    capsys.readouterr()
    code, said = evaluate(capsys, parts, "--precision", "fp32")
    assert code == 2
    assert "another run (index manifest was" in said
