"""Altered questions: what is exchanged, and that nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.load import default_folder
from reader.altering import OPPOSITES, altered_question
from reader.batches import draw, epoch_batches
from reader.features import ReaderTokenizer
from reader.train_settings import BatchSettings
from reader.training_data import Context, Example, TrainingSet

TEXT = "Normandy gave its name to the Normans. Rollo came in 911 from Norway. Later, Paris grew."


def all_of(question, answers=(), text=TEXT, tries=80):
    generator = np.random.default_rng(3)
    return {altered_question(question, text, answers, generator) for _ in range(tries)}


def test_names_become_other_names_of_the_paragraph():
    found = all_of("where did Rollo live")
    assert found == {f"where did {name} live" for name in ("Normans", "Norway", "Paris")}


def test_the_answer_is_never_put_in():
    assert "where is Norway" not in all_of("where is Rollo", ("Norway",))


def test_numbers_become_others_of_the_paragraph_or_near_ones():
    found = all_of("what was in 890", tries=200)
    assert found == {f"what was in {n}" for n in (911, 879, 883, 887, 892, 895, 902)}


@pytest.mark.parametrize("word", ["first", "most", "north"])
def test_words_become_their_opposites(word):
    expected = {f"which was {other}?" for other in OPPOSITES[word.lower()]}
    assert all_of(f"which was {word}?") == expected


def test_opposites_go_both_ways():
    assert all(word in OPPOSITES[other] for word, others in OPPOSITES.items() for other in others)


@pytest.mark.parametrize("question", ["", "who was it", "What is it called?", "Where?", "İ ß ①"])
def test_nothing_to_exchange(question):
    assert all_of(question) == {None}


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.integers(0, 99))
def test_any_text_is_safe_and_what_comes_back_is_another_question(question, text, seed):
    found = altered_question(question, text, (), np.random.default_rng(seed))
    assert found != question


def training_set(tokenizer):
    pieces = tokenizer.passages([TEXT])
    contexts = [Context("", TEXT, pieces[0])]
    example = Example("1", "when did Rollo come", 0, ("911",), ((9, 9),))
    return TrainingSet(contexts, [example] * 64)


def test_an_altered_question_has_its_paragraph_and_no_answer():
    tokenizer = ReaderTokenizer.from_folder(default_folder())
    data = training_set(tokenizer)
    batch = next(epoch_batches(data, tokenizer, BatchSettings(64, alter_rate=1.0), 1, 0))
    assert batch.questions == len(batch.labels) == 64
    assert not batch.labels.any()
    assert not len(batch.spans)
    drawn = draw(
        data.examples[0], data, tokenizer, BatchSettings(alter_rate=1.0), np.random.default_rng(1)
    )
    assert drawn.question.tolist() != tokenizer.question("when did Rollo come").tolist()
    assert drawn.rows[0].ids.tolist() == data.contexts[0].pieces.ids.tolist()


def test_the_rate_is_kept_and_none_changes_nothing():
    tokenizer = ReaderTokenizer.from_folder(default_folder())
    data = training_set(tokenizer)
    some = next(epoch_batches(data, tokenizer, BatchSettings(64, alter_rate=0.3), 1, 0))
    assert 10 < 64 - some.labels.sum() < 30
    none = next(epoch_batches(data, tokenizer, BatchSettings(64), 1, 0))
    assert none.labels.all()
