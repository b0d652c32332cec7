from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.words import STOP_WORDS, WordSettings, analyzer, spaced

every_word = analyzer(WordSettings(stop_words=False))
words = analyzer(WordSettings())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Who was the 1st President of the U.S.?", ["who", "1st", "president", "u", "s"]),
        ("Beyoncé, BEYONCE and Beyonce\u0301", ["beyonce"] * 3),
        ("Straße — ﬁne", ["strasse", "fine"]),
        ("Москва — столица России", ["москва", "столица", "россии"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("東京都", ["東京", "京都"]),
        ("京 NHKテレビ2", ["京", "nhk", "テレ", "レビ", "2"]),
        ("한국어 위키백과", ["한국어", "위키백과"]),
        ("Donau\u00addampf\u00adschiff, Re\u0301\u00adsume\u0301", ["donaudampfschiff", "resume"]),
        ("free\u2060dom \ufeffnow 東\u00ad京\u2060都", ["freedom", "now", "東京", "京都"]),
        ("snake_case don't", ["snake_case", "don", "t"]),
        ("🙂 … !?", []),
        ("", []),
        ("the of and", []),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


def test_stop_words_can_be_kept():
    assert every_word("To be or not to be") == ["to", "be", "or", "not", "to", "be"]


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_ascii_text_gives_the_same_words_beside_other_text(text):
    assert every_word(text + " é") == [*every_word(text), "e"]


@given(st.text())
def test_words_are_the_letters_marks_and_numbers_of_the_text(text):
    """An independent, slow account of which characters count, for scripts with spaces."""
    spaced = "".join(c for c in text if ord(c) < 0x0E00 and c != "\u00ad")
    decomposed = unicodedata.normalize("NFKD", spaced).casefold()
    bare = "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f")
    folded = unicodedata.normalize("NFKC", bare)
    kept = [c if unicodedata.category(c)[0] in "LMN" or c == "_" else " " for c in folded]
    assert every_word(spaced) == "".join(kept).split()


@given(st.text())
def test_any_text_is_safe_and_stop_words_only_take_away(text):
    assert words(text) == [word for word in every_word(text) if word not in STOP_WORDS]
    assert all(every_word(text))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_folding_piece_by_piece_is_folding_the_whole(text):
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f")
    folded = unicodedata.normalize("NFKC", bare)
    assert spaced(text).split() == spaced(folded).split()


def test_no_ascii_character_is_composed_with_what_follows_but_for_accents():
    """What `spaced` relies on, for every character of this Python's Unicode."""
    for code in range(0x80, sys.maxunicode + 1):
        after = chr(code)
        if not "\u0300" <= after <= "\u036f" and unicodedata.combining(after):
            for before in ("a", "O", "=", "1", " "):
                assert unicodedata.normalize("NFC", before + after)[0] == before
