"""Masks of answers against the match of one passage at a time."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.answer_masks import AnswerMasks
from pipelines.answer_match import has_answer

WORDS = ["Paris", "paris,", "the", "Seine", "New", "York", "new york", "é", "É", "1.5", "-", ""]
texts = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)


@settings(deadline=None)
@given(st.lists(st.lists(texts, max_size=3), max_size=4), st.lists(texts, max_size=5))
def test_masks_are_the_match(answers, passages):
    masks = AnswerMasks(answers, passages)
    questions = list(range(len(answers)))[::-1]
    held = masks.held(questions, range(len(passages)))
    assert held.shape == (len(answers), len(passages))
    for row, question in enumerate(questions):
        expected = [has_answer(answers[question], passage) for passage in passages]
        assert held[row].tolist() == expected
