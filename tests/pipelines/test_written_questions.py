"""Questions written about an index: only those with their answer in the passage, found again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from indexing.build import build_index
from indexing.documents import Passage
from indexing.errors import InputError
from indexing.index import Index
from pipelines.cli import main
from pipelines.mining import MiningSettings, mine_file
from pipelines.written_questions import WritingSettings, ask_about, usable, write_questions
from reader.asking.writer import Written
from reader.spans import Span
from retriever.open import open_retriever

CORPUS = {
    "Warsaw": "Warsaw is the capital of Poland and lies on the Vistula river.",
    "Paris": "Paris is the capital of France and lies on the Seine river.",
    "Rome": "Rome is the capital of Italy and lies on the Tiber river.",
}


class FirstWordWriter:
    """Asks for the first word of a passage; of one without a title, nothing."""

    styles = 2

    def write(self, passages, style, seed):
        return [
            Written(f"which city is the capital of {p.text.split()[5]} {style}", 0, len(p.title))
            if p.title
            else None
            for p in passages
        ]


class PatientReader:
    """Finds the first word of each passage, but in one about France the last."""

    def read(self, questions, passages):
        found = []
        for _, (passage,) in zip(questions, passages, strict=True):
            text = passage.text
            start, end = (0, len(text.split()[0]))
            if "France" in text:
                start, end = len(text) - 6, len(text) - 1
            found.append([Span(passage, start, end, -1.0, -1.0, -1.0)])
        return found


@pytest.fixture
def index(tmp_path):
    corpus = tmp_path / "cities.jsonl"
    rows = [{"id": name, "title": name, "text": text} for name, text in CORPUS.items()]
    corpus.write_text("\n".join(map(json.dumps, rows)))
    build_index([corpus], tmp_path / "index")
    with Index.open(tmp_path / "index") as opened:
        yield opened


def lines(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_questions_have_their_answer_and_the_reader_found_it(index, tmp_path):
    out = tmp_path / "asked.jsonl"
    counts = write_questions(
        index, FirstWordWriter(), PatientReader(), out, WritingSettings(styles=(0, 1), batch=2)
    )
    written = lines(out)
    assert (counts.asked, counts.kept) == (3, 4)
    assert {one["title"] for one in written} == {"Warsaw", "Rome"}
    for one in written:
        (text,), (start,) = one["answers"]["text"], one["answers"]["answer_start"]
        assert one["context"][start : start + len(text)] == text == one["title"]
    assert len({one["id"] for one in written}) == 4


def test_without_a_reader_all_are_kept_up_to_the_number_asked_for(index, tmp_path):
    out = tmp_path / "asked.jsonl"
    counts = write_questions(index, FirstWordWriter(), None, out, WritingSettings(questions=2))
    assert counts.kept == len(lines(out)) == 2


def test_the_same_seed_asks_about_the_same_passages(index, tmp_path):
    for name in "ab":
        settings = WritingSettings(questions=2, batch=1)
        write_questions(index, FirstWordWriter(), None, tmp_path / name, settings)
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text()


def test_a_stopped_run_goes_on_to_the_same_questions(index, tmp_path):
    settings = WritingSettings(styles=(0, 1), batch=1)
    write_questions(index, FirstWordWriter(), None, tmp_path / "whole", settings)

    class Dying(FirstWordWriter):
        left = 3

        def write(self, *args, **kwargs):
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            return super().write(*args, **kwargs)

    with pytest.raises(KeyboardInterrupt):
        write_questions(index, Dying(), None, tmp_path / "parts", settings)
    with pytest.raises(InputError, match="--resume"):
        write_questions(index, FirstWordWriter(), None, tmp_path / "parts", settings)
    other = replace(settings, seed=14)
    with pytest.raises(InputError, match="other settings"):
        write_questions(index, FirstWordWriter(), None, tmp_path / "parts", other, resume=True)
    place = tmp_path / "parts.place"
    kept = place.read_text()
    place.write_text(json.dumps({"place": json.loads(kept)["place"]}))
    with pytest.raises(InputError, match="nothing tells what this run was begun with"):
        write_questions(index, FirstWordWriter(), None, tmp_path / "parts", settings, resume=True)
    place.write_text(kept)
    counts = write_questions(
        index, FirstWordWriter(), None, tmp_path / "parts", settings, resume=True
    )
    assert (counts.asked, counts.kept) == (3, 6)
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()
    assert sorted(file.name for file in tmp_path.glob("parts*")) == ["parts"]


@pytest.mark.parametrize("changed", ["index", "writer", "reader"])
def test_a_stopped_run_does_not_go_on_with_another_model_or_index(index, tmp_path, changed):
    folders = {name: tmp_path / name for name in ("writer", "reader")}
    for folder in folders.values():
        folder.mkdir()
        (folder / "model.safetensors").write_text("weights")
    settings = WritingSettings(
        batch=1, index=str(index.path), **{name: str(path) for name, path in folders.items()}
    )

    class Dying(FirstWordWriter):
        def write(self, passages, style, seed):
            if list(tmp_path.glob("asked.place")):
                raise KeyboardInterrupt
            return super().write(passages, style, seed)

    out = tmp_path / "asked"
    with pytest.raises(KeyboardInterrupt):
        write_questions(index, Dying(), None, out, settings)
    names = {"index": index.path / "manifest.json"}
    names |= {name: path / "model.safetensors" for name, path in folders.items()}
    names[changed].write_text(names[changed].read_text() + "\n")
    with pytest.raises(InputError, match=f"{names[changed].name}: not the file with which"):
        write_questions(index, FirstWordWriter(), None, out, settings, resume=True)


def test_a_file_that_is_there_is_kept(index, tmp_path):
    (tmp_path / "asked.jsonl").write_text("mine")
    with pytest.raises(InputError, match="choose another"):
        write_questions(index, FirstWordWriter(), None, tmp_path / "asked.jsonl", WritingSettings())
    assert (tmp_path / "asked.jsonl").read_text() == "mine"


def test_what_may_not_train_is_not_asked_about(index, tmp_path):
    kept_out = tmp_path / "test.jsonl"
    text = CORPUS["Rome"]
    kept_out.write_text(json.dumps({"question": "which?", "context": text, "answers": ["Rome"]}))
    out = tmp_path / "asked.jsonl"
    write_questions(index, FirstWordWriter(), None, out, WritingSettings(keep_out=(kept_out,)))
    assert {one["title"] for one in lines(out)} == {"Warsaw", "Paris"}


@pytest.mark.parametrize(
    ("question", "fits"),
    [
        ("what is the capital of poland?", True),
        ("what is Warsaw the capital of?", False),
        ("what is it?", False),
    ],
)
def test_a_question_neither_says_its_answer_nor_is_too_short(question, fits):
    passage = Passage(0, "d", "Warsaw", CORPUS["Warsaw"], 0, 63)
    assert usable(Written(question, 0, 6), passage) is fits


def test_nothing_written_is_an_error_that_leaves_nothing(tmp_path):
    corpus = tmp_path / "plain.jsonl"
    corpus.write_text(json.dumps({"id": "1", "text": CORPUS["Rome"]}))
    build_index([corpus], tmp_path / "index")
    with Index.open(tmp_path / "index") as opened, pytest.raises(InputError, match="answer in"):
        write_questions(opened, FirstWordWriter(), None, tmp_path / "asked", WritingSettings())
    assert not (tmp_path / "asked").exists()
    assert not (tmp_path / "asked.part").exists()


def test_mining_takes_what_was_written(index, tmp_path):
    out, mined = tmp_path / "asked.jsonl", tmp_path / "mined.jsonl"
    write_questions(index, FirstWordWriter(), None, out, WritingSettings())
    mine_file([out], open_retriever(index, "bm25"), mined, MiningSettings())
    for one in lines(mined):
        gold, *others = one["passages"]
        assert gold["answers"] == [[0, len(gold["title"])]]
        assert others
        assert not any(other["answers"] for other in others)


def test_questions_that_do_not_find_their_own_passage_can_be_left_out(index, tmp_path):
    kept = tmp_path / "mined.jsonl"
    asked = [
        {
            "id": title,
            "title": title,
            "context": text,
            "question": question,
            "answers": {"text": [title], "answer_start": [0]},
        }
        for title, text, question in (
            ("Rome", CORPUS["Rome"], "what lies on the Tiber?"),
            ("Paris", CORPUS["Paris"], "what lies on the Tiber?"),
        )
    ]
    (tmp_path / "asked.jsonl").write_text("\n".join(map(json.dumps, asked)))
    counts = mine_file(
        [tmp_path / "asked.jsonl"],
        open_retriever(index, "bm25"),
        kept,
        MiningSettings(depth=1, only_found=True),
    )
    assert (counts["questions"], counts["kept"]) == (2, 1)
    assert [one["id"] for one in lines(kept)] == ["asked.jsonl:Rome"]


def test_ask_about_passes_over_what_the_reader_does_not_find():
    passages = [Passage(i, n, n, text, 0, len(text)) for i, (n, text) in enumerate(CORPUS.items())]
    found = ask_about(passages, FirstWordWriter(), PatientReader(), 1, 0)
    assert [one["title"] for one in found] == ["Warsaw", "Rome"]
    assert [one["id"] for one in found] == ["0:0:1", "2:0:1"]


def test_the_commands_train_a_writer_and_ask(index, tiny_bert, tmp_path, capsys):
    text = "paris is the capital of france"
    answers = [{"text": "paris", "answer_start": 0}]
    qas = [{"id": "1", "question": "what is the capital of france", "answers": answers}]
    squad = tmp_path / "train.json"
    squad.write_text(json.dumps({"data": [{"paragraphs": [{"context": text, "qas": qas}] * 16}]}))
    writer = str(tmp_path / "writer")
    train = ["train", "writer", str(squad), "--base", str(tiny_bert), "--out", writer]
    assert (
        main(
            [*train, "--epochs", "60", "--batch", "4", "--learning-rate", "3e-3", "--dropout", "0"]
        )
        == 0
    )
    folder, out = tmp_path / "other", tmp_path / "asked.jsonl"
    corpus = tmp_path / "paris.jsonl"
    corpus.write_text(json.dumps({"id": "1", "text": text}))
    build_index([corpus], folder)
    ask = ["train", "questions", "--index", str(folder), "--writer", writer, "--out", str(out)]
    assert main([*ask, "--reader", "none", "--styles", "2"]) != 0
    assert "1 styles" in capsys.readouterr().err
    assert main([*ask, "--reader", "none"]) == 0
    assert lines(out)[0]["context"] == text
