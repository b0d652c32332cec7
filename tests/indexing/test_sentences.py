from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.sentences import sentence_around, sentences


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["It rained.", "We stayed in!", "Did you?", "Yes."],
        ["Dr. Smith met J. R. R. Tolkien in the U.S. Senate.", "They talked."],
        ["She was no. 5 of 9.", "The answer is no.", "He left."],
        ['"It works." she said.', '"Good."', "All left."],
        ["It grew by 3.5 percent to 1.2 million.", "See example.org for more."],
        ["He studied physics, e.g. optics, vs. chemistry.", "Then he left."],
        ["This was shown.[3]", "Later it was not."],
    ],
)
def test_english(expected):
    assert cut(" ".join(expected)) == expected


def test_scripts_without_spaces_or_with_other_stops():
    japanese = ["今日は晴れ。", "「明日は\uff1f」", "明後日\uff01"]
    assert cut("".join(japanese)) == japanese
    assert cut("यह घर है। वह नदी है।") == ["यह घर है।", "वह नदी है।"]
    assert cut("هل أنت هنا؟ نعم.") == ["هل أنت هنا؟", "نعم."]


def test_line_ends_are_sentence_ends_unless_a_margin_made_them():
    assert cut("Early life\nHe was born in Rome.\n\nno capital here\n\n- item\n- other") == [
        "Early life",
        "He was born in Rome.",
        "no capital here",
        "- item",
        "- other",
    ]
    wrapped = (
        "The committee was led for many years by the former\nPresident of the union.\nAnd so on."
    )
    assert cut(wrapped) == [wrapped.rsplit("\n", 1)[0], "And so on."]
    assert cut("He likes the\nsea.") == ["He likes the\nsea."]


@given(st.text(st.sampled_from("aB.!? \n。世\u00a0\"')[1]-"), max_size=200))
def test_sentences_are_trimmed_and_cover_every_character(text):
    ranges = list(sentences(text))
    assert all(a[1] <= b[0] for a, b in pairwise(ranges))
    assert all(text[a:b] == text[a:b].strip() != "" for a, b in ranges)
    assert "".join("".join(text[a:b].split()) for a, b in ranges) == "".join(text.split())


@given(st.text(st.sampled_from("aB.!? \n。世"), max_size=200), st.data())
def test_the_sentence_around_holds_the_range_and_is_made_of_sentences(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    first, last = sentence_around(text, start, end)
    assert 0 <= first <= start <= end <= last <= len(text)
    ranges = list(sentences(text))
    assert first == start or first in {a for a, _ in ranges}
    assert last == end or last in {b for _, b in ranges}


def test_the_sentence_around_an_answer():
    text = "Rome is old. It was founded in 753 BC by Romulus. It grew."
    start = text.index("753")
    assert text[slice(*sentence_around(text, start, start + 6))] == (
        "It was founded in 753 BC by Romulus."
    )
    over = text.index("old")
    assert text[slice(*sentence_around(text, over, start + 3))] == text[: text.index(" It grew")]
    book = "Filler sentence here. " * 20_000 + text + " More of it." * 20_000
    start = book.index("753")
    assert book[slice(*sentence_around(book, start, start + 3))].startswith("It was founded")
