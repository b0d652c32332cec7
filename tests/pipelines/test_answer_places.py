from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.answer_match import has_answer
from pipelines.answer_places import answer_places


def found(answers, text, **options):
    return [text[start:end] for start, end in answer_places(answers, text, **options)]


def test_places_are_exact_in_the_text_as_stored():
    text = "ZÜRICH, not Zurich; and 🤔 zu\u0308rich."
    assert found(["zürich"], text) == ["ZÜRICH", "zu\u0308rich"]
    assert found(["new york", "york", "new"], "New York, new.") == ["New York", "new"]
    assert found(["U.S."], "the U.S. and US") == ["U.S."]
    assert found([r"\d{4}", "x*"], "in 1969", patterns=True) == ["1969"]
    assert found([".", ""], "no") == []


words = st.text(alphabet="aáe\u0301 .-🤔ñÅ1", max_size=12)


@settings(deadline=None)
@given(answer=words, text=words)
def test_there_is_a_place_where_recall_says_that_there_is_an_answer(answer, text):
    places = answer_places([answer], text)
    assert bool(places) == has_answer([answer], text)
    for start, end in places:
        plain = unicodedata.normalize("NFD", text[start:end]).lower()
        assert plain.split() != []
