"""Tables on a terminal: what documents hold never commands it."""

from __future__ import annotations

import io
import json

from rich.console import Console

from indexing.documents import Passage
from pipelines.answers import Answer, AskResult, Citation
from pipelines.render import show_answers, show_hits
from retriever.hits import Hit

EVIL = "\x1b]0;evil\x07\x9b31m\x7f\r"  # ESC, BEL, CSI as one sign, DEL, CR


def printed(show, *arguments):
    file = io.StringIO()
    show(Console(file=file, width=200, highlight=False), *arguments)
    return file.getvalue()


def asked():
    sentence = f"one{EVIL}\ttwo\nthree"
    citation = Citation(
        f"id{EVIL}", f"title{EVIL}", f"url{EVIL}", 0, 4, 0, sentence, 0, -1.0,
        ((f"s{EVIL}", "r", "o"),),
    )  # fmt: skip
    answer = Answer(f"one{EVIL}", 0.5, (citation, citation))
    return AskResult("what?", (answer,), (), {})


def hit():
    passage = Passage(0, f"id{EVIL}", f"title{EVIL}", f"one{EVIL}\ntwo", 0, 3)
    return Hit(passage, 1.0, {}, (passage,))


def test_control_signs_are_replaced():
    for shown in (printed(show_answers, asked()), printed(show_hits, [hit()])):
        assert not [sign for sign in EVIL if not sign.isprintable() and sign in shown]
        for name in ("id", "title", "one"):
            assert f"{name}\ufffd]0;evil\ufffd\ufffd31m\ufffd\ufffd" in shown
    assert "url\ufffd" in printed(show_answers, asked())
    assert "(s\ufffd" in printed(show_answers, asked())


def test_a_sentence_stays_on_one_line():
    assert "two three" in printed(show_answers, asked())


def test_json_stays_exact():
    document = json.loads(json.dumps(asked().to_json()))
    assert document["answers"][0]["text"] == f"one{EVIL}"
    assert document["answers"][0]["citations"][0]["title"] == f"title{EVIL}"
