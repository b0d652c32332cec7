"""Adapters of questions: what they compute, and how they stand beside an encoder."""

from __future__ import annotations

import numpy as np
import pytest

from encoder.question_adapter import ADAPTER, QuestionAdapter, no_adapter, read_adapter
from indexing.errors import InputError


def drawn(dimension, seed=3):
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(dimension, dimension)).astype(np.float32) / 4
    return QuestionAdapter(weight, rng.normal(size=dimension).astype(np.float32) / 4)


def test_vectors_move_and_keep_their_length():
    adapter = drawn(5)
    vectors = np.random.default_rng(1).normal(size=(7, 5)).astype(np.float32)
    moved = adapter.apply(vectors)
    for row, vector in enumerate(vectors):
        slow = [
            vector[j] + sum(vector[i] * adapter.weight[i, j] for i in range(5)) + adapter.bias[j]
            for j in range(5)
        ]
        np.testing.assert_allclose(
            moved[row], np.array(slow) * np.linalg.norm(vector) / np.linalg.norm(slow), rtol=1e-5
        )
    np.testing.assert_allclose(no_adapter(5).apply(vectors), vectors, rtol=1e-6)
    assert adapter.apply(np.zeros((0, 5), np.float32)).shape == (0, 5)


def test_it_is_read_as_it_was_saved(tmp_path):
    adapter = drawn(4)
    adapter.save(tmp_path)
    read = read_adapter(tmp_path, 4)
    np.testing.assert_allclose(read.weight, adapter.weight, atol=1e-3)
    np.testing.assert_allclose(read.bias, adapter.bias, atol=1e-3)
    assert [file.name for file in tmp_path.iterdir()] == [ADAPTER]


def test_a_bad_file_is_named(tmp_path):
    assert read_adapter(tmp_path, 4) is None
    drawn(4).save(tmp_path)
    with pytest.raises(InputError, match=f"{ADAPTER}: made for vectors of 4 .* have 5"):
        read_adapter(tmp_path, 5)
    (tmp_path / ADAPTER).write_bytes(b"not tensors")
    with pytest.raises(InputError, match=f"{ADAPTER}: not an adapter"):
        read_adapter(tmp_path, 4)
