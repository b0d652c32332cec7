"""Questions made of sentences: they can be answered by what was taken out, and by nothing else."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from indexing.build import build_index
from indexing.documents import Passage
from indexing.errors import InputError
from indexing.index import Index
from pipelines.cli import main
from pipelines.cloze_questions import cloze_question, write_cloze_questions

CORPUS = {
    "Marie Curie": "She was born in Warsaw, then a city of the Russian Empire, in 1867. "
    "In Paris she met her husband, the physicist Pierre Curie, who taught there.",
    "Warsaw": "The physicist and chemist Marie Curie was born in Warsaw in the year 1867. "
    "About 1860000 people live in the city, which lies on the Vistula.",
    "Poland": "The capital and largest city of this country is Warsaw, on the Vistula river.",
}


def passage(text: str, title: str = "") -> Passage:
    return Passage(0, "d", title, text, 0, len(text))


@pytest.fixture
def index(tmp_path):
    corpus = tmp_path / "people.jsonl"
    rows = [{"id": name, "title": name, "text": text} for name, text in CORPUS.items()]
    corpus.write_text("\n".join(map(json.dumps, rows)))
    build_index([corpus], tmp_path / "index")
    with Index.open(tmp_path / "index") as opened:
        yield opened


def ask(text: str, title: str = "", seed: int = 0):
    return cloze_question(passage(text, title), np.random.default_rng(seed), lambda _: True)


def test_the_answer_is_asked_for_in_its_own_sentence():
    for title, text in CORPUS.items():
        for seed in range(20):
            question = ask(text, title, seed)
            (answer,) = question["answer"]
            assert question["made_from"] in text
            assert answer in question["made_from"]
            assert title in question["question"]
            asked = question["question"].replace(title, "").split()
            words = [word for word in asked if word not in ("who", "what", "year", "how", "many")]
            assert set(words) <= {w.strip(" .;,") for w in question["made_from"].split()} | {
                *question["made_from"].split(),
                ",",
            }


def test_question_words_follow_the_answer():
    years = "The treaty of peace was signed by all sides in 1648 at last."
    assert " what year " in ask(years)["question"]
    numbers = "the bridge that was built then is 45 metres long and wide."
    assert " how many " in ask(numbers)["question"]
    names = "they say that a young man named Pedro lived here for long."
    assert re.search(r" (who|what) ", ask(names)["question"])


def test_what_the_title_says_is_not_asked_for():
    text = "They say that the great old Warsaw was the largest city of all."
    assert ask(text, "Warsaw") is None
    assert ask(text, "Poland")["answer"] == ["Warsaw"]


def test_a_capital_at_the_start_of_a_sentence_is_no_name():
    assert ask("Nobody has ever been to this place and then come home again.") is None


def test_passages_that_may_not_be_read_are_not_asked_of():
    question = cloze_question(
        passage(CORPUS["Warsaw"]), np.random.default_rng(1), lambda text: "chemist" not in text
    )
    assert question is None


WORDS = st.sampled_from(
    ["was", "the", "Rome", "O'Brien's", "1648", "3,5", "\u05d0\u05d1", "\n", "Éa."]
)
TEXTS = st.lists(WORDS | st.text(max_size=9), max_size=20).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.text(max_size=20), st.integers(0, 10))
def test_the_answer_stands_at_its_offset_in_any_text(before, title, seed):
    text = f"{before} and a man of the name of Ada lived in this town."
    question = ask(text, title, seed)
    assume(question is not None)
    (answer,) = question["answer"]
    offset = int(question["id"].rsplit(":", 1)[1])
    assert text[offset:].startswith(answer)
    assert answer in question["made_from"]
    assert question["made_from"] in text


def test_the_file_has_one_question_a_passage_and_is_the_same_for_a_seed(index, tmp_path):
    files = [tmp_path / name for name in ("a.jsonl", "b.jsonl")]
    counts = [write_cloze_questions(index, file, 10, seed=4) for file in files]
    assert counts == [3, 3]
    assert files[0].read_bytes() == files[1].read_bytes()
    ids = [json.loads(line)["id"].rsplit(":", 1)[0] for line in files[0].read_text().splitlines()]
    assert sorted(ids) == sorted(CORPUS)
    with pytest.raises(InputError, match="there already"):
        write_cloze_questions(index, files[0], 10)


def test_a_corpus_without_names_is_an_error_and_leaves_nothing(tmp_path):
    text = tmp_path / "plain.txt"
    text.write_text("nothing here has a name or a number at all, sadly enough.")
    build_index([text], tmp_path / "index")
    with Index.open(tmp_path / "index") as plain, pytest.raises(InputError, match="name or a num"):
        write_cloze_questions(plain, tmp_path / "out.jsonl", 10)
    assert not list(tmp_path.glob("out*"))


def test_mined_from_the_command_no_passage_holds_the_sentence_asked_of(index, tmp_path, capsys):
    where = ["--index", str(index.path)]
    asked, out = tmp_path / "cloze.jsonl", tmp_path / "mined.jsonl"
    assert main(["train", "cloze", *where, "--out", str(asked), "--questions", "9"]) == 0
    assert "3 questions" in capsys.readouterr().out
    sources = {q["id"]: q["made_from"] for q in map(json.loads, asked.read_text().splitlines())}
    mine = ["train", "mine", str(asked), *where, "--retriever", "bm25", "--out", str(out)]
    assert main(mine) == 0
    mined = [json.loads(line) for line in out.read_text().splitlines()]
    assert mined
    for question in mined:
        source = sources[question["id"].split(":", 1)[1]]
        assert all(source not in found["text"] for found in question["passages"])


def test_a_source_of_a_question_files_own_passes_nothing_over(index, tmp_path):
    asked, out = tmp_path / "asked.jsonl", tmp_path / "mined.jsonl"
    record = {"question": "Who was born in Warsaw?", "answer": ["Marie Curie"], "source": "a"}
    asked.write_text(json.dumps(record))
    mine = ["train", "mine", str(asked), "--index", str(index.path), "--out", str(out)]
    assert main(mine) == 0
    (mined,) = map(json.loads, out.read_text().splitlines())
    assert len(mined["passages"]) == len(CORPUS)
