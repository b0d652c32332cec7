"""The vectorised decoder against an exhaustive one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reader.decoding import best_spans, log_softmax, merge_windows


def slow_spans(start, end, blocks, may_start, may_end, longest, keep):
    found = []
    for i in range(len(start)):
        for j in range(i, min(len(start), i + longest)):
            if blocks[i] == blocks[j] and may_start[i] and may_end[j]:
                found.append((-np.float32(start[i] + end[j]), i, j))
    chosen = []
    for _, i, j in sorted(found):
        if all(j < a or i > b for a, b in chosen):
            chosen.append((i, j))
    return chosen[:keep]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=5),
    st.integers(1, 9),
    st.integers(1, 6),
    st.integers(0, 2**31),
    st.booleans(),
)
def test_equals_the_exhaustive_decoder(sizes, longest, keep, seed, ties):
    generator = np.random.default_rng(seed)
    count = sum(sizes)
    blocks = np.repeat(np.arange(len(sizes)), sizes)
    draw = (
        (lambda: generator.integers(-3, 3, count))
        if ties
        else (lambda: generator.normal(size=count))
    )
    start, end = draw().astype(np.float32), draw().astype(np.float32)
    may_start, may_end = generator.random(count) < 0.8, generator.random(count) < 0.8
    fast = best_spans(start, end, blocks, may_start, may_end, longest, keep)
    slow = slow_spans(start, end, blocks, may_start, may_end, longest, keep)
    assert list(zip(fast.starts.tolist(), fast.ends.tolist(), strict=True)) == slow
    assert np.array_equal(fast.start_logprobs, start[fast.starts])
    assert np.array_equal(fast.end_logprobs, end[fast.ends])


def test_nothing_to_decode():
    empty = np.zeros(0, dtype=np.float32)
    flags = np.zeros(0, dtype=bool)
    assert not len(best_spans(empty, empty, empty.astype(np.int64), flags, flags, 5, 3).starts)


def test_log_softmax_sums_to_one():
    values = np.array([1e4, 1e4 - 1, -1e4], dtype=np.float32)
    np.testing.assert_allclose(np.exp(log_softmax(values)).sum(), 1, rtol=1e-6)


def test_each_token_takes_the_window_with_most_context():
    first = np.full((6, 2), 1, dtype=np.float32)
    second = np.full((6, 2), 2, dtype=np.float32)
    merged = merge_windows([(0, first), (3, second)], 9)
    # Tokens 3 and 4 have contexts 2, 1 in the first window and 0, 1 in the second.
    assert merged[:, 0].tolist() == [1, 1, 1, 1, 1, 2, 2, 2, 2]
