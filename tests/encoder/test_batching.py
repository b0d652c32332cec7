from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.batching import length_batches, pad, run_batches
from encoder.load import load_encoder


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 120))
def test_every_row_is_in_one_batch_within_the_budget(lengths, tokens):
    batches = list(length_batches(lengths, tokens))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[i] for i in batch)
        assert len(batch) == 1 or longest * len(batch) <= tokens
    flat = [lengths[i] for batch in batches for i in batch]
    assert flat == sorted(lengths, reverse=True)


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=7), min_size=1, max_size=9))
def test_padding_keeps_rows(rows):
    filled, mask = pad([np.array(row, dtype=np.int32) for row in rows], 0)
    assert filled.shape == mask.shape == (len(rows), max(map(len, rows)))
    for i, row in enumerate(rows):
        assert filled[i][mask[i] == 1].tolist() == row
        assert not filled[i][mask[i] == 0].any()


@given(st.lists(st.integers(1, 300), max_size=40), st.integers(1, 3), st.integers(128, 1000))
def test_every_row_is_run_once_and_comes_with_its_result(lengths, workers, tokens):
    session = SimpleNamespace(workers=workers, tokens=tokens)
    pairs = list(run_batches(lengths, session, lambda batch: [lengths[i] for i in batch]))
    assert sorted(i for batch, _ in pairs for i in batch) == list(range(len(lengths)))
    for batch, result in pairs:
        assert result == [lengths[i] for i in batch]


def test_batches_run_side_by_side_where_there_are_enough_rows():
    meeting = threading.Barrier(2, timeout=5)  # breaks unless two threads come at once
    session = SimpleNamespace(workers=2, tokens=4096)
    pairs = list(run_batches([130] * 20, session, lambda batch: meeting.wait()))
    assert len(pairs) == 4


def test_an_error_in_a_batch_reaches_the_caller():
    def fail(batch):
        raise MemoryError

    with pytest.raises(MemoryError):
        list(run_batches([200] * 9, SimpleNamespace(workers=2, tokens=256), fail))


def test_int8_vectors_do_not_depend_on_what_else_is_encoded():
    texts = ["Why?", "A short text.", "One that is longer than both of the others are. " * 5]
    encoder = load_encoder("default", "cpu", "int8")
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_array_equal(encoder.encode(texts), alone)
