from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from encoder.batching import length_batches, pad


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
