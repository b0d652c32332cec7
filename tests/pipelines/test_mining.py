"""Mined passages against a plain search through the same texts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from indexing.build import build_index
from indexing.errors import InputError
from indexing.index import Index
from pipelines.answer_match import has_answer
from pipelines.cli import main
from pipelines.mining import MiningSettings, mine_file
from pipelines.questions import load_questions
from retriever.bm25 import BM25Retriever

TOWNS = {
    "Paris": "Paris is the capital of France. It lies on the Seine. Paris is old.",
    "Seine": "The Seine is a river in France. It flows through Paris to the sea.",
    "France": "France is a country. The capital of France is a large city on a river.",
    "Rome": "Rome is the capital of Italy. It lies on the Tiber.",
    "Tiber": "The Tiber is a river. The capital of Italy lies on it.",
}


@pytest.fixture
def index(tmp_path):
    corpus = tmp_path / "towns.jsonl"
    rows = [{"id": name, "title": name, "text": text} for name, text in TOWNS.items()]
    corpus.write_text("\n".join(map(json.dumps, rows)))
    build_index([corpus], tmp_path / "index")
    with Index.open(tmp_path / "index") as opened:
        yield opened


def pairs_file(tmp_path):
    file = tmp_path / "pairs.jsonl"
    rows = [
        {"question": "What is the capital of France?", "answer": ["Paris"]},
        {"question": "What is the capital of Italy?", "answer": ["Milan"]},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


def lines(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_pairs_get_every_occurrence_and_hard_negatives(index, tmp_path):
    out = tmp_path / "mined.jsonl"
    counts = mine_file([pairs_file(tmp_path)], BM25Retriever(index), out, MiningSettings())
    assert counts["questions"] == 2
    assert counts["without_positive"] == 1  # nothing says Milan
    (mined,) = lines(out)
    for passage in mined["passages"]:
        assert bool(passage["answers"]) == has_answer(["Paris"], passage["text"])
        assert {passage["text"][a:b] for a, b in passage["answers"]} <= {"Paris"}
    found = {passage["title"]: passage["answers"] for passage in mined["passages"]}
    assert found["Paris"] == [[0, 5], [54, 59]]
    assert found["France"] == []
    kinds = [bool(passage["answers"]) for passage in mined["passages"]]
    assert kinds == sorted(kinds, reverse=True)


def test_a_paragraph_of_the_questions_own_is_the_only_positive(index, tmp_path):
    context = "The French capital, Paris, grew on an island."
    squad = tmp_path / "own.json"
    asked = {"id": "q1", "question": "What is the capital of France?"}
    asked["answers"] = [{"text": "Paris", "answer_start": 20}]
    paragraphs = [{"context": context, "qas": [asked]}]
    squad.write_text(json.dumps({"data": [{"title": "Old_Towns", "paragraphs": paragraphs}]}))
    out = tmp_path / "mined.jsonl"
    mine_file([squad], BM25Retriever(index), out, MiningSettings(negatives=1))
    (mined,) = lines(out)
    gold, *others = mined["passages"]
    assert gold == {"title": "Old Towns", "text": context, "answers": [[20, 25]]}
    assert len(others) == 1
    assert not has_answer(["Paris"], others[0]["text"])


def test_answers_of_every_form_are_mined(index, tmp_path):
    file = tmp_path / "forms.jsonl"
    paragraph = TOWNS["Paris"]
    forms = [
        {"answer": {"value": "Paris", "aliases": ["City of Light"]}},  # TriviaQA's
        {"answer": {"value": "Paris", "aliases": []}, "context": paragraph},
        {"answers": [{"text": "Paris"}], "context": paragraph},
        {"answers": {"text": ["Paris"]}, "context": paragraph},
        {"answers": {"text": "Paris", "answer_start": 0}, "context": paragraph},
        {"answers": [{"text": "Paris", "answer_start": 0}], "context": paragraph},
    ]
    rows = [{"question": "What is the capital of France?", **form} for form in forms]
    file.write_text("\n".join(map(json.dumps, rows)))
    out = tmp_path / "mined.jsonl"
    mine_file([file], BM25Retriever(index), out, MiningSettings())
    mined = lines(out)
    everywhere, given = [[0, 5], [54, 59]], [[0, 5]]
    assert [one["answers"][0] for one in mined] == ["Paris"] * 6
    assert mined[0]["answers"] == ["Paris", "City of Light"]
    assert [one["passages"][0]["answers"] for one in mined] == [everywhere] * 4 + [given] * 2
    assert [q.answers for q in load_questions(file)] == [tuple(one["answers"]) for one in mined]


class Dying(BM25Retriever):
    """Dies at the third batch of questions."""

    batches = 0

    def retrieve(self, questions, depth):
        self.batches += 1
        if self.batches == 3:
            raise KeyboardInterrupt
        return super().retrieve(questions, depth)


def stop(file, index, out, settings, whole_lines, beyond=0):
    """Leave a run that was killed after so many lines, and so many bytes of the next one."""
    with pytest.raises(KeyboardInterrupt):
        mine_file([file], Dying(index), out, settings)
    part = out.with_name(out.name + ".part")
    left = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join(left[:whole_lines]) + left[whole_lines][:beyond])
    return part


def test_a_stopped_run_goes_on_where_it_was(index, tmp_path):
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    file = tmp_path / "many.jsonl"
    rows = [{"question": f"capital number {n}", "answer": ["Paris"]} for n in range(130)]
    file.write_text("\n".join(map(json.dumps, rows)))
    mine_file([file], BM25Retriever(index), whole, MiningSettings())
    stop(file, index, cut, MiningSettings(), 64, 20)
    with pytest.raises(InputError, match="stopped run"):
        mine_file([file], BM25Retriever(index), cut, MiningSettings())
    mine_file([file], BM25Retriever(index), cut, MiningSettings(), resume=True)
    assert cut.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob("cut.jsonl.*"))


@pytest.mark.parametrize("changed", ["depth", "index", "source", "plan"])
def test_a_stopped_run_does_not_go_on_with_anything_else(index, tmp_path, changed):
    """Another setting, an index built anew, another paragraph of a question, or no plan at all."""
    file, out = tmp_path / "many.jsonl", tmp_path / "mined.jsonl"
    paragraph = "Paris is a town."
    rows = [
        {"question": f"capital number {n}", "answer": ["Paris"], "context": paragraph}
        for n in range(130)
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    settings = MiningSettings(index=str(index.path))
    part = stop(file, index, out, settings, 70)
    left, message = part.read_bytes(), "not the file with which"
    if changed == "depth":
        settings, message = replace(settings, depth=7), "other settings"
    elif changed == "index":
        manifest = index.path / "manifest.json"
        manifest.write_text(manifest.read_text() + "\n")
    elif changed == "source":
        file.write_text(file.read_text().replace(paragraph, "Paris is a city."))
    else:
        (tmp_path / "mined.jsonl.plan").unlink()
        message = "nothing tells what this run was begun with"
    with pytest.raises(InputError, match=message):
        mine_file([file], BM25Retriever(index), out, settings, resume=True)
    assert part.read_bytes() == left


@pytest.mark.parametrize("changed", [{"question": "another"}, {"answer": ["Rome"]}, None])
def test_a_stopped_run_does_not_go_on_with_other_questions(index, tmp_path, changed):
    rows = [{"question": f"capital number {n}", "answer": ["Paris"]} for n in range(130)]
    file, out = tmp_path / "many.jsonl", tmp_path / "mined.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    part = stop(file, index, out, MiningSettings(), 70)
    left = part.read_bytes()
    # One question is another, or there are fewer than the run had asked.
    others = [*rows[:69], rows[69] | changed, *rows[70:]] if changed else rows[:69]
    file.write_text("\n".join(map(json.dumps, others)))
    with pytest.raises(InputError, match=r"mined\.jsonl\.part:70: .* something else here"):
        mine_file([file], BM25Retriever(index), out, MiningSettings(), resume=True)
    assert part.read_bytes() == left
    file.write_text("\n".join(map(json.dumps, rows)))
    mine_file([file], BM25Retriever(index), out, MiningSettings(), resume=True)
    assert len(out.read_bytes().splitlines()) == 130


def test_the_command_mines(index, tmp_path, capsys):
    out = tmp_path / "mined.jsonl"
    arguments = ["train", "mine", str(pairs_file(tmp_path)), "--index", str(index.path)]
    assert main([*arguments, "--retriever", "bm25", "--out", str(out)]) == 0
    assert "1 of 2 questions" in capsys.readouterr().out
    assert main([*arguments, "--retriever", "bm25", "--out", str(out)]) == 2
    assert "there already" in capsys.readouterr().err


def test_passages_of_test_paragraphs_are_passed_over(index, tmp_path):
    test = tmp_path / "test.json"
    paragraph = "An older text. " + TOWNS["Paris"] + " It goes on."
    test.write_text(json.dumps({"data": [{"paragraphs": [{"context": paragraph, "qas": [
        {"id": "t", "question": "Where?", "answers": [{"text": "Paris", "answer_start": 15}]}
    ]}]}]}))  # fmt: skip
    out = tmp_path / "mined.jsonl"
    settings = MiningSettings(keep_out=(test,))
    mine_file([pairs_file(tmp_path)], BM25Retriever(index), out, settings)
    (mined,) = lines(out)
    titles = {passage["title"] for passage in mined["passages"]}
    assert "Paris" not in titles
    assert "Seine" in titles


def test_questions_of_a_test_file_are_passed_over(index, tmp_path):
    test = tmp_path / "test.jsonl"
    test.write_text(json.dumps({"question": "what is capital of Italy", "answer": ["Rome"]}))
    out = tmp_path / "mined.jsonl"
    settings = MiningSettings(keep_out=(test,))
    counts = mine_file([pairs_file(tmp_path)], BM25Retriever(index), out, settings)
    assert counts["questions"] == 1
    assert lines(out)[0]["question"] == "What is the capital of France?"
