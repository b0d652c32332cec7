from __future__ import annotations

import numpy as np
import pytest

from indexing import vectors_build
from indexing.errors import QAError
from indexing.vectors import VECTORS, VectorIndex
from indexing.vectors_build import build_vectors
from tests.hashing_encoder import HashingEncoder


class Passages:
    """What the builder needs of a passage store."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __len__(self):
        return len(self.pairs)

    def texts(self, first, last):
        yield from self.pairs[first:last]


def some_passages(number):
    rng = np.random.default_rng(number)
    return Passages([("", " ".join(rng.choice(list("abcdefghijkl"), 6))) for _ in range(number)])


def test_the_title_is_part_of_what_is_encoded(tmp_path):
    encoder = HashingEncoder()
    passages = Passages([("Ada Lovelace", "She wrote."), ("", "She wrote.")])
    build_vectors(passages, encoder, tmp_path / "work", tmp_path, lambda n: None)
    assert encoder.encoded == ["Ada Lovelace. She wrote.", "She wrote."]


@pytest.mark.parametrize("k", [1, 5, 200])
def test_search_is_the_brute_force_search(tmp_path, monkeypatch, k):
    monkeypatch.setattr(vectors_build, "_SHARD", 33)
    passages, encoder = some_passages(150), HashingEncoder()
    build_vectors(passages, encoder, tmp_path / "work", tmp_path, lambda n: None)
    index = VectorIndex(tmp_path / VECTORS)
    questions = encoder.encode(["a b c", "l l k", "unlike anything"])
    ids, scores = index.search(questions, k)
    matrix = encoder.encode([text for _, text in passages.pairs]).astype(np.float16)
    exact = questions @ matrix.astype(np.float32).T
    assert ids.shape == scores.shape == (3, k)
    for row in range(3):
        found = ids[row][ids[row] >= 0]
        assert len(set(found.tolist())) == min(k, 150)
        assert np.allclose(scores[row][: len(found)], exact[row][found], atol=1e-5)
        assert np.allclose(
            scores[row][: len(found)], np.sort(exact[row])[::-1][: len(found)], atol=1e-5
        )
        pairs = list(zip(-scores[row][: len(found)], found, strict=True))
        assert pairs == sorted(pairs)
        assert (ids[row][len(found) :] == -1).all()


def test_the_file_is_plain_faiss(tmp_path):
    import faiss

    build_vectors(some_passages(9), HashingEncoder(), tmp_path / "w", tmp_path, lambda n: None)
    plain = faiss.read_index(str(tmp_path / VECTORS))
    assert (plain.ntotal, plain.d, plain.metric_type) == (9, 32, faiss.METRIC_INNER_PRODUCT)


def test_finished_shards_are_not_encoded_again(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors_build, "_SHARD", 4)
    passages, first, second = some_passages(10), HashingEncoder(), HashingEncoder()
    build_vectors(passages, first, tmp_path / "work", tmp_path, lambda n: None)
    whole = (tmp_path / VECTORS).read_bytes()
    (tmp_path / "work" / "0000000004.npy").unlink()
    done = []
    build_vectors(passages, second, tmp_path / "work", tmp_path, done.append)
    assert (tmp_path / VECTORS).read_bytes() == whole
    assert second.encoded == [text for _, text in passages.pairs[4:8]]
    assert sum(done) == 10


def test_nothing_to_search(tmp_path):
    build_vectors(some_passages(3), HashingEncoder(), tmp_path / "w", tmp_path, lambda n: None)
    index = VectorIndex(tmp_path / VECTORS)
    assert index.search(np.zeros((0, 32), np.float32), 5)[0].shape == (0, 5)
    assert index.search(np.zeros((2, 32), np.float32), 0)[1].shape == (2, 0)


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / VECTORS).write_bytes(b"nonsense")
    with pytest.raises(QAError, match=VECTORS):
        VectorIndex(tmp_path / VECTORS)
