from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.documents import Document
from indexing.errors import InputError
from indexing.splitting import SplitSettings, split

WORDS = st.text(st.characters(codec="utf-8", max_codepoint=0x2FF), min_size=1, max_size=12).filter(
    lambda word: len(word.split()) == 1 and not any(c.isspace() for c in word)
)
TEXTS = st.one_of(
    st.text(max_size=400),
    st.text(st.sampled_from("ab .\n\t\r#=-`。世界ไทยกำ\u3099\u200d\u00a0\u2028😀"), max_size=400),
    st.lists(WORDS, max_size=60).map(" ".join),
)
METHODS = st.sampled_from(["words", "sentences", "headings"])


def document(text: str) -> Document:
    return Document(id="d", title="t", text=text)


def pieces(text: str, settings: SplitSettings) -> list[str]:
    return [text[start:end] for start, end in split(document(text), settings)]


@given(TEXTS, METHODS, st.integers(1, 12), st.data())
@settings(max_examples=300)
def test_ranges_are_trimmed_ordered_and_cover_every_character(text, method, words, data):
    stride = data.draw(st.integers(1, words))
    ranges = split(document(text), SplitSettings(method, words, stride))
    covered: set[int] = set()
    for start, end in ranges:
        assert 0 <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip() != ""
        covered.update(range(start, end))
    assert ranges == sorted(ranges)
    assert all(index in covered for index, char in enumerate(text) if not char.isspace())
    if stride == words:
        assert all(a[1] <= b[0] for a, b in pairwise(ranges))


@pytest.mark.parametrize("text", ["\u0e00\r", "\u4e00\u4e00.\u0e31 \r", "a\u0e01 b\u0e01\n"])
def test_spaces_at_the_end_of_mixed_scripts_are_left_out(text):
    for _ in range(50):  # the fault that this guards against came and went
        for method in ("words", "headings"):
            assert "".join(pieces(text, SplitSettings(method, 4, 4))) == text.rstrip()


@given(st.lists(WORDS, min_size=1, max_size=80), st.integers(1, 20), st.data())
def test_windows_are_those_of_whitespace_words(words, size, data):
    stride = data.draw(st.integers(1, size))
    text = "  " + " \n".join(words) + "\t"
    found = [piece.split() for piece in pieces(text, SplitSettings("words", size, stride))]
    expected = []
    for first in range(0, len(words), stride):
        expected.append(words[first : first + size])
        if first + size >= len(words):
            break
    assert found == expected


def test_the_default_is_disjoint_passages_of_100_words():
    words = [f"w{n}" for n in range(250)]
    found = pieces(" ".join(words), SplitSettings())
    assert [piece.split() for piece in found] == [words[:100], words[100:200], words[200:]]


@pytest.mark.parametrize(
    ("unit", "longest"),
    [("世界", 200), ("ありがとう", 200), ("ภาษาไทยกำลังดี", 700), ("x", 6400), ("😀", 6400)],
)
@pytest.mark.parametrize("method", ["words", "sentences", "headings"])
def test_text_without_spaces_is_cut_too(unit, longest, method):
    text = unit * (10_000 // len(unit))
    found = pieces(text, SplitSettings(method))
    assert "".join(found) == text
    assert max(map(len, found)) <= longest


def test_thai_is_never_cut_before_a_mark():
    text = "ที่นี่กำลังจะ" * 300
    assert not any(piece[0] in "ี่้ำั" for piece in pieces(text, SplitSettings()))


def test_sentences_are_packed_whole_and_long_ones_cut():
    text = "One two three. Four five. Six seven eight nine. " + "Long " * 12 + "end. Last one."
    assert pieces(text, SplitSettings("sentences", 5, 5)) == [
        "One two three. Four five.",
        "Six seven eight nine.",
        "Long Long Long Long Long",
        "Long Long Long Long Long",
        "Long Long end.",
        "Last one.",
    ]


def test_sections_start_at_headings_but_not_in_code():
    text = (
        "Before.\n\n# One\n\nText of one.\n\n## Bare\n### Two\ntext\n```\n# comment\n```\nmore\n\n"
        "Three\n-----\n\nlast words here now\n"
    )
    assert pieces(text, SplitSettings("headings", 20, 20)) == [
        "Before.",
        "# One\n\nText of one.",
        "## Bare\n### Two\ntext\n```\n# comment\n```\nmore",
        "Three\n-----\n\nlast words here now",
    ]


def test_long_sections_are_windowed():
    text = "# A\n" + "a " * 30 + "\n# B\nb"
    found = pieces(text, SplitSettings("headings", 16, 16))
    assert [len(piece.split()) for piece in found] == [16, 16, 3]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("lines", 100, 100), "not known"),
        (("words", 0, 0), "at least one word"),
        (("words", 5_000_000_000, 1), "at most 1,000,000,000 words"),
        (("words", 10, 11), "stride"),
        (("words", 10, 0), "stride"),
    ],
)
def test_impossible_settings_are_refused(arguments, says):
    with pytest.raises(InputError, match=says):
        SplitSettings(*arguments)


def test_the_most_words_that_a_passage_may_have():
    assert pieces("a b c", SplitSettings("words", 10**9, 10**9)) == ["a b c"]


@pytest.mark.parametrize("char", [" ", "\n", ".", "#", "x", "世", "- ", '"', "="])
@pytest.mark.parametrize("method", ["words", "sentences", "headings"])
def test_long_runs_take_no_long_time(char, method):
    text = "# start " + char * 100_000 + "x"
    began = time.process_time()
    split(document(text), SplitSettings(method))
    assert time.process_time() - began < 1.5
