"""Questions from plain text: recurring spans against a slow search, and sentences taken out."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.words import STOP_WORDS
from retriever.training.cloze import cloze_question
from retriever.training.recurring import recurring_spans, span_questions

WORDS = st.lists(st.sampled_from(["red", "cross", "of", "the", "7", "nation"]), max_size=14)


def occurs(span, words):
    return any(tuple(words[i : i + len(span)]) == span for i in range(len(words)))


def says_something(span):
    return not {span[0], span[-1]} & STOP_WORDS and not all(word.isdecimal() for word in span)


def slow_spans(passages):
    """Return all spans with the passages that have them, without those in a longer one there."""
    found = {}
    for words in passages:
        for length in range(2, 11):
            for first in range(len(words) - length + 1):
                span = tuple(words[first : first + length])
                places = {n for n, others in enumerate(passages) if occurs(span, others)}
                if len(places) > 1 and says_something(span):
                    found[span] = places
    return {
        span: places
        for span, places in found.items()
        if not any(
            len(other) > len(span) and occurs(span, list(other)) and own == places
            for other, own in found.items()
        )
    }


@settings(deadline=None)
@given(st.lists(WORDS, max_size=4))
def test_recurring_spans_are_those_of_a_slow_search(passages):
    found = recurring_spans(passages)
    assert {span: set(places) for span, places in found.items()} == slow_spans(passages)
    for span, places in found.items():
        for number, first in places.items():
            assert tuple(passages[number][first : first + len(span)]) == span


PASSAGES = [
    "Long ago Marie Curie, a chemist, found radium in Paris with her husband Pierre.",
    "The chemist found radium. For this Marie Curie had the Nobel Prize in two sciences.",
    "Bears sleep all winter in caves and dens of the high northern mountains.",
]


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_a_question_comes_from_one_passage_and_is_answered_by_another(seed):
    found = span_questions(PASSAGES, np.random.default_rng(seed))
    assert [question.positives for question in found] == [(1,), (0,)]
    for question, source in zip(found, PASSAGES, strict=False):
        words = re.findall(r"\w+", source.lower())
        assert set(re.findall(r"\w+", question.text.lower())) <= set(words)
        assert question.span in {"marie curie", "found radium"} or "radium" in question.span
        assert question.negatives == (2,)
        assert question.text.strip()


def test_the_span_stays_in_half_of_the_questions():
    generator = np.random.default_rng(1)
    kept = [
        question.span in " ".join(re.findall(r"\w+", question.text.lower()))
        for _ in range(300)
        for question in span_questions(PASSAGES, generator)
    ]
    assert 0.4 < np.mean(kept) < 0.65


def test_a_sentence_asks_for_the_rest_of_its_passage():
    generator = np.random.default_rng(1)
    passage = "Yes. Bears sleep all winter. They eat much in autumn, so they are fat."
    kept = 0
    for _ in range(300):
        question = cloze_question(passage, generator)
        assert question.text in passage
        assert question.text != "Yes."
        if question.passage == passage:
            kept += 1
        else:
            left = " ".join(passage.replace(question.text, "").split())
            assert question.passage == left
    assert 15 < kept < 50
    assert cloze_question("Only one sentence stands here.", generator) is None
    assert cloze_question("Yes. No.", generator) is None
    assert cloze_question("", generator) is None
