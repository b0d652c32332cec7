"""What a reader passes over, against a text that is rendered from plain words."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.load import default_folder
from reader.features import ReaderTokenizer
from reader.markup import breaks, joints, marks, whole

TOKENIZER = ReaderTokenizer.from_folder(default_folder())


def read(text):
    """Return a text as the reader reads it: its pieces, joined where they touch."""
    pieces = TOKENIZER.passages([text])[0]
    words, last = [], None
    for start, end in zip(pieces.starts.tolist(), pieces.ends.tolist(), strict=True):
        if start == last:
            words[-1] += text[start:end]
        else:
            words.append(text[start:end])
        last = end
    return " ".join(words)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Edit the ``jobs.lua`` file", "Edit the jobs.lua file"),
        ("Click the **Stop** button, *now*", "Click the Stop button, now"),
        ("#### What is it?\nA tool", "What is it? A tool"),
        ("See [the page](https://example.com/a_(b)/?c=d#e) first", "See the page first"),
        ('[here](/refunds "All of it")!', "here !"),
        ("![A screenshot](image.png) Then go on", "Then go on"),
        ("Line<br>and <b>bold</b> <a href='x'>link</a>", "Line and bold link"),
        (r"A \*starred\* word \_", "A *starred * word _"),
        ("1. One\n2. Two\n\n- Three", "One Two Three"),
        ("We call it _borrowing_, _always so_.", "We call it borrowing , always so ."),
        # What looks alike and is text:
        ("the_name of _private and __init__.py", "the_name of _private and __init__.py"),
        ("It took 2 * 3 * 4 and 2**3 tries", "It took 2 * 3 * 4 and 2**3 tries"),
        ("A Vec<T> of <Item> with #hashtag", "A Vec<T> of <Item> with #hashtag"),
        ("Born on\n12. May 1990", "Born on 12. May 1990"),
        ("see [1] and (2) at C:\\Program", "see [1] and (2) at C:\\Program"),
        ("a * b", "a * b"),
    ],
)
def test_marks_are_passed_over(text, plain):
    assert read(text) == plain


WORD = st.text("abcdefg", min_size=1, max_size=6)
INLINE = {
    "plain": "{}",
    "bold": "**{}**",
    "emphasis": "*{}*",
    "low lines": "_{}_",
    "code": "`{}`",
    "link": "[{}](https://example.com/x_y?z=1)",
    "tag": "<b>{}</b>",
}
BLOCK = {"paragraph": "{}", "heading": "## {}", "bullet": "- {}", "quote": "> {}"}
PART = st.tuples(st.sampled_from(sorted(INLINE)), st.lists(WORD, min_size=1, max_size=3))
TEXT = st.lists(
    st.tuples(st.sampled_from(sorted(BLOCK)), st.lists(PART, min_size=1, max_size=4)),
    min_size=1,
    max_size=5,
)


@settings(max_examples=200, deadline=None)
@given(TEXT, st.sampled_from(["\n\n", "\n\n\n", "\n \n"]))
def test_a_rendered_text_is_read_as_its_words(blocks, between):
    rendered = [
        BLOCK[kind].format(" ".join(INLINE[how].format(" ".join(words)) for how, words in parts))
        for kind, parts in blocks
    ]
    text = between.join(rendered)
    words = [[word for _, own in parts for word in own] for _, parts in blocks]
    signs = {"quote": [">"], "bullet": ["-"] if len(blocks) == 1 else []}
    wanted = [
        word
        for (kind, _), own in zip(blocks, words, strict=True)
        for word in [*signs.get(kind, []), *own]
    ]
    assert read(text).split() == wanted
    pieces = TOKENIZER.passages([text])[0]
    of_block: dict[int, list[str]] = {}
    for start, end, block in zip(pieces.starts, pieces.ends, pieces.blocks, strict=True):
        of_block.setdefault(int(block), []).append(text[start:end])
    found = [re.sub("[->]", "", "".join(own)) for own in of_block.values()]
    assert found == ["".join(own) for own in words]


@given(st.text("ab1.)*`#[]()!<>/\\\n -_@", max_size=80))
def test_ranges_lie_in_the_text(text):
    assert all(0 <= begin < end <= len(text) for begin, end in marks(text))
    found = breaks(text)
    assert found == sorted(found)
    assert all(text[place] == "\n" for place in found)
    assert all(text[place] in ".@_" and text[place - 1 : place] for place in joints(text))


def test_blocks_end_where_something_else_begins():
    text = "# Title\nWrapped over\ntwo lines\n\nNext one:\n- first\n- second\n2019 was a year"
    found = [part.strip() for part in cut(text)]
    assert found == [
        "# Title",
        "Wrapped over\ntwo lines",
        "Next one:",
        "- first",
        "- second\n2019 was a year",
    ]


def cut(text):
    places = [0, *breaks(text), len(text)]
    parts = [text[a:b] for a, b in pairwise(places)]
    return [part for part in parts if part.strip()]


def bounds(text):
    """Return where answers may start and end."""
    pieces = TOKENIZER.passages([text])[0]
    begins = ~(TOKENIZER.continuations[pieces.ids] | pieces.inside)
    ends = [*begins[1:], True]  # before a piece that begins a word, as in `reader.inference`
    return set(pieces.starts[begins].tolist()), set(pieces.ends[ends].tolist())


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("open `jobs.lua` now.", "jobs.lua"),
        ("set GM.Config.admin to on", "GM.Config.admin"),
        ("ask help@example.com today", "help@example.com"),
        ("a full_name and more", "full_name"),
        ("half of 3.5 is it", "3.5"),
    ],
)
def test_names_are_whole(text, name):
    starts, ends = bounds(text)
    begin, end = text.index(name), text.index(name) + len(name)
    assert starts & set(range(begin, end)) == {begin}
    assert ends & set(range(begin + 1, end + 1)) == {end}


def test_a_missing_space_joins_no_sentences():
    starts, ends = bounds("It ended.Next it began")
    assert 9 in starts
    assert 8 in ends


@pytest.mark.parametrize(
    ("text", "found", "cited"),
    [
        ("the **Stop** button", "Stop** button", "**Stop** button"),
        ("called a _reference_.", "a _reference", "a _reference_"),
        ("set ``x = 1`` now", "set ``x = 1", "set ``x = 1``"),
        ("the **Stop** button", "Stop", "Stop"),
        ("`a` and `b`", "a` and `b", "a` and `b"),
        ("a`b`c`d", "a`b", "a`b`"),
        ("a`b`c`d", "c`d", "c`d"),
        ("2 * 3 is it", "2 * 3", "2 * 3"),
        ("a_b and c", "a_b and", "a_b and"),
    ],
)
def test_a_mark_is_cited_with_its_other_half(text, found, cited):
    start = text.index(found)
    begin, end = whole(text, start, start + len(found))
    assert text[begin:end] == cited
