"""Recurring span selection against the definitions of Ram et al. 2021, section 3."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.load import default_folder
from reader.features import ReaderTokenizer
from reader.pretraining.recurring_spans import LONGEST, QUESTIONS, find_clusters, question_segment
from reader.pretraining.vocabulary import Vocabulary

FOLDER = default_folder()
VOCABULARY = Vocabulary.from_folder(FOLDER)
TOKENIZER = ReaderTokenizer.from_folder(FOLDER)


def pieces_of(text):
    return TOKENIZER.passages([text])[0].ids


def words_of(text, clusters):
    pieces = TOKENIZER.passages([text])[0]
    return [
        [text[pieces.starts[a] : pieces.ends[b - 1]] for a, b in cluster] for cluster in clusters
    ]


def test_the_longest_recurring_span_wins_and_stop_words_alone_do_not_count():
    text = "the moons of jupiter are many . of the planets , the moons of jupiter are known"
    found = words_of(text, find_clusters(pieces_of(text), VOCABULARY))
    assert found == [["the moons of jupiter are"] * 2]


def test_a_span_counts_apart_where_it_stands_outside_the_longer_one():
    text = "red fox and red fox ; fox or fox"
    found = words_of(text, find_clusters(pieces_of(text), VOCABULARY))
    assert sorted(map(len, found)) == [2, 2]
    assert ["red fox"] * 2 in found
    assert ["fox"] * 2 in found


letters = st.lists(st.sampled_from(["fox", "dog", "cat", "the", "of", "jupiterian"]), max_size=60)


@settings(max_examples=150, deadline=None)
@given(letters, st.integers(0, 2**31))
def test_every_question_s_answer_is_what_it_hides(words, seed):
    pieces = pieces_of(" ".join(words))
    if not len(pieces):
        return
    found = question_segment(pieces, VOCABULARY, np.random.default_rng(seed))
    clusters = find_clusters(pieces, VOCABULARY)
    assert (found is None) == (not clusters)
    if found is None:
        return
    assert 1 <= len(found.questions) <= QUESTIONS
    marks = np.flatnonzero(found.ids == VOCABULARY.question).tolist()
    assert found.questions[:, 0].tolist() == marks
    # Putting each answer in its question's place gives back the segment.
    rebuilt = found.ids.tolist()
    for position, first, last in reversed(found.questions.tolist()):
        answer = found.ids[first : last + 1].tolist()
        assert VOCABULARY.question not in answer
        rebuilt[position : position + 1] = answer
    assert rebuilt == [VOCABULARY.cls, *pieces.tolist(), VOCABULARY.sep]


@settings(max_examples=100, deadline=None)
@given(letters)
def test_clusters_are_equal_disjoint_and_miss_no_recurring_word(words):
    pieces = pieces_of(" ".join(words))
    if not len(pieces):
        return
    clusters = find_clusters(pieces, VOCABULARY)
    covered = np.zeros(len(pieces), dtype=int)
    for cluster in clusters:
        assert len(cluster) >= 2
        assert len({tuple(pieces[a:b].tolist()) for a, b in cluster}) == 1
        for start, end in cluster:
            covered[start:end] += 1
            assert end - start <= LONGEST * 4
    assert covered.max(initial=0) <= 1
    # By the definition, a content word that stands free twice would be a cluster of its own.
    for word in ("fox", "dog", "cat"):
        (number,) = pieces_of(word).tolist()
        assert (pieces[covered == 0] == number).sum() <= 1
