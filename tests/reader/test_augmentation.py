"""Edits of questions and contexts: rates as asked, answers whole and in their new places."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.load import default_folder
from indexing.errors import InputError
from reader.augmentation import (
    NEIGHBOURS,
    Words,
    augment_question,
    augment_row,
    edit,
    load_words,
)
from reader.batches import epoch_batches
from reader.features import Pieces, ReaderTokenizer
from reader.train_settings import AugmentSettings, BatchSettings, EditRates
from reader.training_data import Context, Example, Row, TrainingSet

TOKENIZER = ReaderTokenizer.from_folder(default_folder())
NAMES = {number: token for token, number in TOKENIZER.tokens().items()}


@pytest.fixture(scope="module")
def words() -> Words:
    """Neighbours that are told apart from the words of the texts: ids from 20,000 on."""
    neighbours = np.full((len(TOKENIZER.continuations), NEIGHBOURS), -1, dtype=np.int32)
    for number in range(2000, 20000):
        neighbours[number] = 20000 + np.arange(NEIGHBOURS)
    return Words(TOKENIZER.continuations, neighbours)


def rates(**values):
    return AugmentSettings(EditRates(**values), EditRates(**values))


WHOLE = [n for n in range(3000, 9000) if not TOKENIZER.continuations[n]]
INNER = [n for n in range(3000, 29000) if TOKENIZER.continuations[n]]
pieces_lists = st.lists(st.sampled_from(WHOLE[:200] + INNER[:100]), min_size=1, max_size=50)
chance = st.sampled_from([0.0, 0.2, 0.7, 1.0])


@settings(max_examples=300, deadline=None)
@given(pieces_lists, st.data(), chance, chance, chance, st.integers(0, 2**31))
def test_answers_are_untouched_and_their_ranges_exact(words, pieces, data, a, b, c, seed):
    ids = np.asarray(pieces, dtype=np.int32)
    ranges = []
    for _ in range(data.draw(st.integers(0, 3))):
        first = data.draw(st.integers(0, len(ids) - 1))
        ranges.append((first, data.draw(st.integers(first, len(ids) - 1))))
    row = Row("t", ids, tuple(ranges))
    asked = rates(replace=a, delete=b, insert=c)
    limit = data.draw(st.integers(1, 80))
    found = augment_row(row, words, asked, limit, np.random.default_rng(seed))
    assert len(found.ids) >= 1
    assert len(found.ids) <= max(limit, len(ids))
    assert len(found.ranges) == len(ranges)
    for (first, last), (old, old_last) in zip(found.ranges, ranges, strict=True):
        assert found.ids[first : last + 1].tolist() == ids[old : old_last + 1].tolist()


@settings(max_examples=100, deadline=None)
@given(pieces_lists, st.integers(0, 2**31))
def test_no_rates_change_nothing(words, pieces, seed):
    ids = np.asarray(pieces, dtype=np.int32)
    found = augment_question(ids, words, rates(), np.random.default_rng(seed))
    assert found.tolist() == ids.tolist()


def spread(words, **values):
    """Edit a long text of single-piece words, and count what happened."""
    ids = np.tile(np.asarray(WHOLE[:100], dtype=np.int32), 100)
    free = np.ones(len(ids), dtype=bool)
    found, moved = edit(ids, free, words, EditRates(**values), 10**6, np.random.default_rng(1))
    kept = moved >= 0
    replaced = (found[moved[kept]] != ids[kept]).sum()
    return (~kept).sum() / len(ids), replaced / len(ids), (len(found) - kept.sum()) / len(ids)


def test_each_rate_is_kept(words):
    assert spread(words, delete=0.1) == pytest.approx((0.1, 0, 0), abs=0.012)
    assert spread(words, replace=0.2) == pytest.approx((0, 0.2, 0), abs=0.016)
    assert spread(words, insert=0.3) == pytest.approx((0, 0, 0.3), abs=0.02)


def test_words_of_several_pieces_are_deleted_whole_and_never_replaced(words):
    ids = np.tile(np.asarray([WHOLE[0], INNER[0], INNER[1]], dtype=np.int32), 300)
    free = np.ones(len(ids), dtype=bool)
    generator = np.random.default_rng(2)
    found, moved = edit(ids, free, words, EditRates(replace=1.0, delete=0.5), 10**6, generator)
    gone = (moved < 0).reshape(-1, 3)
    assert (gone.all(1) | ~gone.any(1)).all()
    assert 0.3 < gone.mean() < 0.7
    assert set(found.tolist()) == {WHOLE[0], INNER[0], INNER[1]}


def test_neighbours_are_near_words_by_cosine():
    found = load_words(default_folder())
    tokens = TOKENIZER.tokens()

    def near(word):
        return [NAMES[n] for n in found.neighbours[tokens[word]].tolist()]

    assert {"kings", "queen", "prince"} & set(near("king"))
    assert "king" not in near("king")
    for word in ("##ing", "the", "who", "1998", "[MASK]", ","):
        assert found.neighbours[tokens[word]].tolist() == [-1] * NEIGHBOURS


def test_a_folder_without_embeddings_is_refused(tmp_path):
    (tmp_path / "tokenizer.json").write_bytes((default_folder() / "tokenizer.json").read_bytes())
    with pytest.raises(InputError, match=r"model\.safetensors"):
        load_words(tmp_path)


def test_every_epoch_edits_anew_and_the_same_seed_edits_the_same(words):
    ids = np.asarray(WHOLE[:40], dtype=np.int32)
    places, none = np.arange(40, dtype=np.int32), np.zeros(40, dtype=np.int32)
    pieces = Pieces(ids, places, places + 1, none, none.astype(np.bool_))
    data = TrainingSet(
        [Context("", "x" * 40, pieces)], [Example("q", "who came home?", 0, ("x",), ((5, 7),))]
    )
    config = BatchSettings(augment=rates(replace=0.3, delete=0.2, insert=0.2), crop_rate=0.0)
    first, again, other = (
        next(iter(epoch_batches(data, TOKENIZER, config, 1, epoch, words))) for epoch in (0, 0, 1)
    )
    assert first.ids.tolist() == again.ids.tolist()
    assert first.ids.tolist() != other.ids.tolist()
    for batch in (first, other):
        ((row, start, end),) = batch.spans.tolist()
        assert batch.ids[row, start : end + 1].tolist() == ids[5:8].tolist()
