"""The pages as an HTML parser sees them; test_report_browser looks at them in a browser."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
from report_data import HEBREW, HOSTILE, PASSAGES, questions, scripted

from pipelines.evaluate import (
    OpenSettings,
    evaluate_open,
    evaluate_reading,
    evaluate_reading_sets,
    evaluate_retrieval,
)
from pipelines.questions import Question, ReadingExample, ReadingSet
from reader.spans import Span
from retriever.hits import Hit

VOID = {"meta", "input", "br", "img", "link"}


class Checker(HTMLParser):
    """Keeps the tags, their attributes and the texts, and that all are closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self._open = [], [], {}, []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.setdefault(self._open[-1] if self._open else "", []).append(data)


def page(folder):
    text = (folder / "report.html").read_text(encoding="utf-8")
    checked = Checker(text)
    assert not {"img", "link", "iframe"} & set(checked.tags)
    assert {name for name, _ in checked.attributes}.isdisjoint({"src", "onerror", "onload"})
    assert all("//" not in (value or "") for _, value in checked.attributes)
    assert "url(" not in text.split("</style>")[0]
    assert "owned" not in "".join(checked.texts.get("title", []))
    return checked


def listed(checked):
    return json.loads(checked.texts["script"][0])


@pytest.fixture(scope="module")
def open_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("open")
    settings = OpenSettings(
        top_k=4, k=(1, 4), threshold=0.35, sweep=(1, 2), notes={"index": HOSTILE, "reader": None}
    )
    result = evaluate_open(questions(5), scripted(5), settings, report=folder)
    return page(folder), result


def test_open_page_shows_what_the_result_says(open_page):
    checked, result = open_page
    text = " ".join(part for own in checked.texts.values() for part in own)
    assert f"{result['exact_match']:.1f}" in text
    for title in (
        "Recall", "Exact match by passages read", "Answering only when sure",
        "Is the probability true?", "What was at fault", "Time for one question",
        "Exact match by category",
    ):  # fmt: skip
        assert title in checked.texts["h2"]
    assert checked.tags.count("svg") == 4
    assert checked.tags.count("script") == 2
    assert HOSTILE in checked.texts["bdi"]
    assert not any("None" in part for part in checked.texts["bdi"])


def test_all_questions_and_texts_reach_the_list_unharmed(open_page):
    found = listed(open_page[0])
    assert [q["question"] for q in found["questions"]] == [q.text for q in questions(5)]
    assert {p["text"] for p in found["passages"]} == {p.text for p in PASSAGES}
    faults = [q.get("fault") for q in found["questions"][:7]]
    assert faults == [None, None, "span", "span", "retrieval", "ranking", "retrieval"]


def test_retrieval_page(tmp_path):
    class Retriever:
        def retrieve(self, texts, k):
            return [[Hit(p, 1.0 / (1 + p.id)) for p in PASSAGES[:k]] for _ in texts]

    asked = [*questions(), Question("x", "who", ("Bob Dylan",), ("d1",))]
    evaluate_retrieval(
        asked, Retriever(), k=(1, 4), report=tmp_path, notes={"index": "i", "retriever": None}
    )
    checked = page(tmp_path)
    assert "nDCG@10 of documents" in " ".join(checked.texts["span"])
    assert checked.tags.count("svg") == 2
    assert [q["rank"] for q in listed(checked)["questions"]][-1] == 1


class FirstWord:
    def read(self, questions, passages):
        return [[Span(own[0], 0, own[0].text.index(" "), -1.0, -1.0, 0.0)] for own in passages]


def test_reading_pages(tmp_path):
    def data(*pairs):
        return ReadingSet(
            tuple(
                ReadingExample(str(i), "what " + HOSTILE, context, answers)
                for i, (context, answers) in enumerate(pairs)
            ),
            "2.0",
        )

    first = data((HEBREW, ("יצחק",)), (f"Rome {HOSTILE}", ()), ("Rome is", ("Paris",)))
    evaluate_reading(first, FirstWord(), report=tmp_path / "one", notes={"reader": None})
    found = listed(page(tmp_path / "one"))
    assert [q["right"] for q in found["questions"]] == [True, False, False]
    assert found["questions"][0]["passages"][0]["marks"] == [[0, 4, 3]]
    evaluate_reading_sets(
        {"a b": first, "c": data(("Rome is", ("Rome",)))}, FirstWord(), report=tmp_path / "two"
    )
    links = [value for name, value in page(tmp_path / "two").attributes if name == "href"]
    assert links == ["a%20b/report.html", "c/report.html"]
    page(tmp_path / "two" / "a b")
