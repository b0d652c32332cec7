"""Segments, epochs and targets of pretraining batches."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.load import default_folder
from indexing.errors import InputError
from reader.pretraining.batches import LONGEST_TARGET, collate, make_batch, plan_epoch, recipes
from reader.pretraining.settings import PretrainSettings
from reader.pretraining.shards import Tokens
from reader.pretraining.span_masking import MaskedSegment
from reader.pretraining.vocabulary import Vocabulary

VOCABULARY = Vocabulary.from_folder(default_folder())


def tokens_of(*shards):
    """Make shards of documents whose pieces count up from the document's number times 1000."""
    ids, ends = [], []
    for sizes in shards:
        parts = [2000 + 1000 * i + np.arange(size) % 900 for i, size in enumerate(sizes)]
        ids.append(np.concatenate(parts).astype(np.uint16))
        ends.append(np.cumsum(sizes))
    return Tokens(tuple(ids), tuple(ends))


def settings_of(**changes):
    values = {"length": 64, "batch_tokens": 256, "step_tokens": 512, "seed": 4}
    return PretrainSettings("", "", **(values | changes))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(8, 400), min_size=1, max_size=6), min_size=1, max_size=3),
    st.integers(0, 50),
)
def test_segments_are_single_contiguous_and_cover_the_corpus_once(shards, epoch):
    tokens = tokens_of(*shards)
    config = settings_of()
    plan = plan_epoch(tokens, config, epoch)
    covered = [np.zeros(len(ids), dtype=int) for ids in tokens.ids]
    for recipe in plan:
        sizes = recipe.segments[:, 2] - recipe.segments[:, 1] + 2
        padded = -(-sizes.max() // 8) * 8
        assert sizes.max() <= config.length
        assert padded * len(sizes) <= config.batch_tokens
        for shard, start, end in recipe.segments.tolist():
            covered[shard][start:end] += 1
            # One document: no end of a document lies inside.
            inside = tokens.ends[shard]
            assert not ((inside > start) & (inside < end)).any()
    for shard, counts in enumerate(covered):
        assert counts.max() <= 1
        # Only ends of fewer than 8 pieces are left out: two at most for each document.
        assert (counts == 0).sum() <= 2 * 7 * len(tokens.ends[shard])
    numbers = np.concatenate([recipe.numbers for recipe in plan])
    assert sorted(numbers.tolist()) == list(range(len(numbers)))


def test_masks_and_cuts_are_new_in_every_epoch_and_the_same_for_the_same_seed():
    tokens, config = tokens_of([300, 40, 41]), settings_of()
    epochs = [
        [make_batch(tokens, VOCABULARY, config, r) for r in plan_epoch(tokens, config, epoch)]
        for epoch in (0, 0, 1)
    ]
    same, again, other = ([batch.ids.tolist() for batch in epoch] for epoch in epochs)
    assert same == again
    assert same != other


def test_a_whole_document_is_masked_anew_in_every_epoch():
    tokens, config = tokens_of([60]), settings_of()
    masks = {
        tuple(make_batch(tokens, VOCABULARY, config, plan_epoch(tokens, config, e)[0]).masked)
        for e in range(8)
    }
    assert len(masks) == 8


def test_recipes_go_on_from_any_batch():
    tokens, config = tokens_of([300, 200, 90]), settings_of()
    whole = list(islice(recipes(tokens, config), 12))
    for first in (0, 3, 7, 11):
        rest = next(recipes(tokens, config, first))
        np.testing.assert_array_equal(rest.segments, whole[first].segments)
        assert rest.epoch == whole[first].epoch
    assert whole[-1].epoch > 0


def test_targets_are_the_hidden_pieces_with_their_boundaries_and_offsets():
    original = np.arange(100, 140, dtype=np.int32)
    ids = original.copy()
    spans = np.asarray([[3, 5], [8, 8 + LONGEST_TARGET + 2]])
    for start, end in spans:
        ids[start:end] = VOCABULARY.mask
    short = MaskedSegment(original[:12], original[:12], np.asarray([[2, 3]]))
    batch = collate([short, MaskedSegment(ids, original, spans)], VOCABULARY)
    length = batch.ids.shape[1]
    assert length % 8 == 0
    assert batch.lengths.tolist() == [12, 40]
    assert (batch.ids[0, 12:] == VOCABULARY.pad).all()
    expected, sides = [(2, 102)], [(1, 3, 0, 102)]
    for start, end in spans.tolist():
        for i in range(start, end):
            expected.append((length + i, 100 + i))
            if i - start < LONGEST_TARGET:
                # x_{s-1}, x_{e+1} and the position i - s, counted from 0
                sides.append((length + start - 1, length + end, i - start, 100 + i))
    assert list(zip(batch.masked.tolist(), batch.targets.tolist(), strict=True)) == expected
    assert [tuple(row) for row in batch.boundaries.tolist()] == sides


def test_without_the_boundary_objective_there_are_no_such_targets():
    tokens, config = tokens_of([60]), settings_of(boundary=False)
    batch = make_batch(tokens, VOCABULARY, config, plan_epoch(tokens, config, 0)[0])
    assert len(batch.boundaries) == 0
    assert len(batch.masked)


def test_recurring_spans_take_their_share_of_segments():
    ids = np.tile(np.arange(3000, 3020, dtype=np.uint16), 300)
    tokens = Tokens((ids,), (np.arange(60, len(ids) + 1, 60),))
    config = settings_of(recurring=0.5)
    plan = plan_epoch(tokens, config, 0)
    asked = rows = 0
    for recipe in plan:
        batch = make_batch(tokens, VOCABULARY, config, recipe)
        with_questions = set(batch.questions[:, 0].tolist())
        with_masks = set((batch.masked // batch.ids.shape[1]).tolist())
        assert not with_questions & with_masks
        asked += len(with_questions)
        rows += len(batch.ids)
    assert rows == 100
    assert 30 <= asked <= 70


@pytest.mark.parametrize(
    ("changes", "processes", "message"),
    [
        ({"length": 4}, 1, "--length"),
        ({"batch_tokens": 32}, 1, "--batch-tokens"),
        ({}, 3, "3 processes"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(changes, processes, message):
    with pytest.raises(InputError, match=message):
        settings_of(**changes).check(processes)
