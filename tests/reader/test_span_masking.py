"""Span masking against the definitions of Joshi et al. 2020, section 3.1."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.load import default_folder
from reader.pretraining.settings import MaskingSettings
from reader.pretraining.span_masking import (
    choose_spans,
    length_distribution,
    mask_segment,
    word_borders,
)
from reader.pretraining.vocabulary import Vocabulary

VOCABULARY = Vocabulary.from_folder(default_folder())
PAPER = MaskingSettings()
WHOLE = np.flatnonzero(~VOCABULARY.continuations)[2000:12000].astype(np.int32)
INNER = np.flatnonzero(VOCABULARY.continuations).astype(np.int32)


def segment(words: list[int], seed: int = 0):
    """Make a segment of words of so many pieces each."""
    generator = np.random.default_rng(seed)
    parts = [[generator.choice(WHOLE), *generator.choice(INNER, size - 1)] for size in words]
    return np.concatenate(parts).astype(np.int32)


def test_the_paper_s_settings_are_the_defaults():
    assert (PAPER.rate, PAPER.p, PAPER.longest) == (0.15, 0.2, 10)
    assert (PAPER.masked, PAPER.random) == (0.8, 0.1)


def test_lengths_are_geometric_up_to_ten_words_with_the_paper_s_mean():
    found = length_distribution(0.2, 10)
    assert len(found) == 10
    assert found.sum() == pytest.approx(1)
    np.testing.assert_allclose(found[1:] / found[:-1], 0.8)
    assert found @ np.arange(1, 11) == pytest.approx(3.8, abs=0.01)  # section 3.1: "3.8"


def test_drawn_spans_have_that_distribution():
    borders = np.arange(5001)  # words of one piece
    generator = np.random.default_rng(3)
    counts = Counter()
    for _ in range(40):
        # The last span of a segment is cut to the budget; long segments make that rare.
        spans = choose_spans(borders, PAPER, generator)
        counts.update((spans[:, 1] - spans[:, 0]).tolist())
    total = sum(counts.values())
    found = np.asarray([counts[length] for length in range(1, 11)]) / total
    assert set(counts) <= set(range(1, 11))
    error = 4 * np.sqrt(0.25 / total)
    np.testing.assert_allclose(found, length_distribution(0.2, 10), atol=error)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=120), st.integers(0, 2**31))
def test_spans_are_whole_words_apart_within_the_budget(words, seed):
    pieces = segment(words, seed)
    masked = mask_segment(pieces, VOCABULARY, PAPER, np.random.default_rng(seed))
    borders = set((word_borders(pieces, VOCABULARY) + 1).tolist())
    length = len(pieces) + 2
    assert masked.original[0] == VOCABULARY.cls
    assert masked.original[-1] == VOCABULARY.sep
    np.testing.assert_array_equal(masked.original[1:-1], pieces)
    last = -1
    for start, end in masked.spans.tolist():
        assert {start, end} <= borders
        assert 1 <= start < end <= length - 1  # never [CLS] or [SEP]
        assert start > last  # both neighbours of every span can be seen
        last = end
    sizes = masked.spans[:, 1] - masked.spans[:, 0]
    assert sizes.sum() <= int(np.ceil(0.15 * len(pieces)))
    inside = np.zeros(length, dtype=bool)
    for start, end in masked.spans:
        inside[start:end] = True
    np.testing.assert_array_equal(masked.ids[~inside], masked.original[~inside])


def test_the_budget_is_spent():
    pieces = segment([1, 2] * 170)
    share = [
        sum(
            b - a
            for a, b in mask_segment(pieces, VOCABULARY, PAPER, np.random.default_rng(i)).spans
        )
        / len(pieces)
        for i in range(50)
    ]
    assert np.mean(share) == pytest.approx(0.15, abs=0.003)


def test_eighty_ten_ten_holds_for_whole_spans():
    pieces = segment([1, 3] * 100)
    kinds: Counter[str] = Counter()
    for seed in range(400):
        masked = mask_segment(pieces, VOCABULARY, PAPER, np.random.default_rng(seed))
        for start, end in masked.spans.tolist():
            seen, was = masked.ids[start:end], masked.original[start:end]
            if (seen == VOCABULARY.mask).all():
                kinds["masked"] += 1
            elif (seen == was).all():
                kinds["kept"] += 1
            else:  # a random piece is never [MASK], so no span is partly masked
                assert not (seen == VOCABULARY.mask).any()
                assert np.isin(seen, VOCABULARY.ordinary).all()
                kinds["random"] += 1
    total = sum(kinds.values())
    error = 4 * np.sqrt(0.16 / total)
    assert kinds["masked"] / total == pytest.approx(0.8, abs=error)
    assert kinds["random"] / total == pytest.approx(0.1, abs=error)
    assert kinds["kept"] / total == pytest.approx(0.1, abs=error)


def test_starts_are_spread_over_the_segment():
    pieces = segment([1] * 100)
    hits = np.zeros(102)
    for seed in range(1500):
        for start, end in mask_segment(
            pieces, VOCABULARY, PAPER, np.random.default_rng(seed)
        ).spans:
            hits[start:end] += 1
    middle = hits[12:-12] / 1500
    assert middle.min() > 0.10
    assert middle.max() < 0.21


def test_a_segment_that_begins_within_a_word_keeps_the_rest_of_it_together():
    pieces = np.concatenate([INNER[:2], WHOLE[:2]])
    assert word_borders(pieces, VOCABULARY).tolist() == [0, 2, 3, 4]


def test_no_random_piece_is_special():
    tokens = {VOCABULARY.cls, VOCABULARY.sep, VOCABULARY.pad, VOCABULARY.mask, VOCABULARY.question}
    assert not tokens & set(VOCABULARY.ordinary.tolist())
