from __future__ import annotations

import pytest

from pipelines.categories import answer_length, by_category, categorise, overlap, question_kind


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who wrote Faust?", "who"),
        ("who's the king", "who"),
        ("Whose army won?", "who"),
        ("in what year did japan attack pearl harbor", "when"),
        ("when was it", "when"),
        ("Which country has the most people?", "where"),
        ("what river runs through Paris", "where"),
        ("how many people live there", "how many"),
        ("How long is the Nile?", "how many"),
        ("how does a plane fly", "how"),
        ("what is the name of the city where it stands", "what"),
        ("the man who what", "who"),
        ("Is it true what they say?", "yes or no"),
        ("capital of France", "other"),
        ("", "other"),
        ("somehow nowhere", "other"),
    ],
)
def test_kind_goes_by_the_first_question_word(question, kind):
    assert question_kind(question) == kind


@pytest.mark.parametrize(
    ("answers", "length"),
    [
        (["the Moon"], "1 word"),
        (["a b c d", "New York"], "2 words"),
        (["in the year of our Lord"], "3 to 5 words"),
        (["one two three four five six"], "more than 5 words"),
        ([], "no answer"),
        (["the"], "1 word"),
    ],
)
def test_length_of_the_shortest_answer(answers, length):
    assert answer_length(answers) == length


def test_overlap_counts_content_words_only():
    passage = "Goethe wrote Faust, a tragic play."
    assert overlap("Who wrote the tragic opera?", passage) == pytest.approx(2 / 3)
    assert overlap("who did what", passage) is None
    assert categorise("Who wrote Faust?", ["Goethe"], passage)["overlap"].startswith("high")
    assert categorise("Who sang it?", ["Goethe"], passage)["overlap"].startswith("low")
    assert categorise("Who wrote Faust?", ["Goethe"], None)["overlap"] == "none"


def test_every_question_is_in_one_category_of_each_group():
    records = [
        {
            "category": categorise(question, ["x"], "a b"),
            "exact_match": number % 2,
            "f1": None if question == "who a" else 0.5,
        }
        for number, question in enumerate(["who a", "who b", "when c"])
    ]
    found = by_category(records)
    assert list(found["kind"]) == ["who", "when"]
    assert (found["kind"]["who"]["exact_match"], found["kind"]["who"]["f1"]) == (50.0, None)
    assert found["kind"]["when"]["f1"] == 50.0
    for parts in found.values():
        assert sum(own["n"] for own in parts.values()) == 3
