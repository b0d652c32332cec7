from __future__ import annotations

import sys
import unicodedata

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from indexing.documents import Passage
from indexing.errors import InputError
from pipelines.answer_match import (
    first_match,
    has_answer,
    pattern_answers,
    pattern_match,
    text_answers,
    tokens,
)


def slow_tokens(text):
    """The definition, to the letter."""
    found = regex.finditer(
        r"([\p{L}\p{N}\p{M}]+)|([^\p{Z}\p{C}])",
        unicodedata.normalize("NFD", text),
        flags=regex.IGNORECASE | regex.UNICODE | regex.MULTILINE,
    )
    return [match.group().lower() for match in found]


def slow_has_answer(answers, text):
    words = slow_tokens(text)
    for answer in answers:
        wanted = slow_tokens(answer)
        for start in range(len(words) - len(wanted) + 1):
            if wanted and words[start : start + len(wanted)] == wanted:
                return True
    return False


@pytest.mark.parametrize(
    ("answer", "text", "found"),
    [
        ("Bob Russell", "written by bob russell.", True),
        ("Russell", "by Bertrand Russells", False),  # whole tokens only
        ("14 December 1972", "14  December\n1972 UTC", True),
        ("U.S.", "the U. S. economy", True),  # punctuation marks are tokens of their own
        ("US", "the U.S. economy", False),
        ("Padmé", "Padme\u0301 Amidala", True),  # composed or not
        ("Padme", "Padmé Amidala", False),  # accents count
        ("ΟΔΟΣ", "η οδο\u03c2", True),  # lower-casing ends a word in a final sigma
        ("ΟΔΟΣ", "η οδο\u03c3", False),
        ("İzmir", "i̇zmir", True),
        ("東京", "東京都", False),
        ("北京。", "在北京。", False),
        ("🚁", "a 🚁 flies", True),
        ("\u200b", "anything", False),  # no token at all
        ("", "anything", False),
        ("gold medal", "golden medal, gold-medal", False),
    ],
)
def test_matches_by_hand(answer, text, found):
    assert has_answer([answer], text) is found
    assert slow_has_answer([answer], text) is found


pieces = st.sampled_from(
    [
        *"abABéΣσςİßẞǅ\u13a0\uab70東1².,-'🚁\u200b\u00a0\n_\u0301 ",
        "ab",
        "e\u0301",
        "ΑΣ",
        "i\u0307",
        "SS",
    ]
)
texts = st.lists(pieces, max_size=12).map("".join) | st.text(max_size=20)


@given(st.lists(texts, max_size=3), texts)
@example(["Σ"], "Α.Σ")
@example(["σ"], "Α.Σ")
def test_like_the_slow_version(answers, text):
    assert tokens(text) == slow_tokens(text)
    assert has_answer(answers, text) == slow_has_answer(answers, text)


@given(texts, texts, texts)
def test_finds_what_was_put_in(before, answer, after):
    assert has_answer([answer], f"{before} {answer} {after}") == bool(slow_tokens(answer))


def test_equal_lower_case_means_equal_folds():
    """The prefilter rests on this: folding forgets at least what lower-casing forgets."""
    for code in range(sys.maxunicode + 1):
        letter = chr(code)
        assert letter.lower().casefold() == letter.casefold(), hex(code)
    assert "ΑΣ".lower().casefold() == "ΑΣ".casefold()


def test_patterns_are_searched_without_case_in_every_line():
    key = pattern_answers([r"^\d+ feet$", "caf\u00e9"])
    assert key.found_in("Height:\n20,320 FEET\n") is False
    assert key.found_in("Height:\n20320 FEET\nhigh") is True
    assert key.found_in("the CAFE\u0301 there") is True


def test_needless_backslashes_survive_decomposition():
    key = pattern_answers([r"Sn\ě\žka|\\ě"])
    assert key.found_in("mount sněžka") is True
    assert key.found_in("mount Sneka") is False
    assert key.found_in("a \\e\u030c") is True


def test_patterns_score_answers_from_their_start():
    assert pattern_match("Bob Dylan", ["dylan|bob"]) == 1.0
    assert pattern_match("Bob Dylan", ["dylan"]) == 0.0
    assert pattern_match("", ["dylan"]) == 0.0


def test_a_bad_pattern_is_named():
    with pytest.raises(InputError, match=r"'\(open' is not a valid regular expression"):
        pattern_answers(["(open"])


def test_first_match():
    passages = [Passage(i, "d", "Rome", text, 0, len(text)) for i, text in enumerate(["x", "Rome"])]
    assert first_match(text_answers(["rome"]), passages) == 2
    assert first_match(text_answers(["Rome"]), passages[:1]) == 0  # the title does not count
    assert first_match(text_answers(["Rome"]), []) == 0
