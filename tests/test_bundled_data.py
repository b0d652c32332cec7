"""The bundled data is what data/README.md says it is."""

import json
import lzma
import re
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def articles():
    with lzma.open(DATA / "demo_corpus.jsonl.xz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def lines(name):
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def readme_number(pattern):
    text = (DATA / "README.md").read_text(encoding="utf-8")
    return int(re.search(pattern, text)[1].replace(",", ""))


def test_every_article_has_its_own_id_a_title_a_page_and_text(articles):
    assert 5_000 <= len(articles) <= 10_000
    assert len(articles) == readme_number(r"([\d,]+) articles,")
    assert len({article["id"] for article in articles}) == len(articles)
    for article in articles:
        assert article["title"].strip()
        assert article["url"].startswith("https://simple.wikipedia.org/")
        assert len(article["text"].split()) >= 20
    words = sum(len(article["text"].split()) for article in articles)
    assert words == readme_number(r"([\d,]+) words")


def test_every_demo_question_is_answered_in_the_document_it_names(articles):
    texts = {article["id"]: article["text"] for article in articles}
    questions = lines("demo_questions.jsonl")
    assert len(questions) >= 200
    assert len({question["id"] for question in questions}) == len(questions)
    for question in questions:
        text = texts[question["document_id"]]
        assert any(
            re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text, re.IGNORECASE)
            for answer in question["answer"]
        ), question["id"]


def test_reading_sample_answers_stand_at_their_offsets():
    sample = json.loads((DATA / "reading_sample.json").read_text(encoding="utf-8"))
    answerable = impossible = 0
    for article in sample["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                impossible += question["is_impossible"]
                answerable += not question["is_impossible"]
                for answer in question["answers"]:
                    start = answer["answer_start"]
                    end = start + len(answer["text"])
                    assert paragraph["context"][start:end] == answer["text"]
    assert (answerable, impossible) == (100, 20)


def test_graph_questions_are_answered_by_one_triple():
    rows = (DATA / "knowledge_graph/triples.tsv").read_text(encoding="utf-8").splitlines()
    triples = {tuple(row.split("\t")) for row in rows}
    assert all(len(triple) == 3 for triple in triples)
    assert len(rows) == readme_number(r"([\d,]+) connected triples")
    beside = {frozenset((subject, object_)) for subject, _, object_ in triples}
    questions = lines("knowledge_graph/questions.jsonl")
    assert len(questions) == readme_number(r"\| ([\d,]+) questions about them")
    for question in questions:
        assert question["answer"]
        for answer in question["answer"]:
            assert frozenset((question["entity"], answer)) in beside
