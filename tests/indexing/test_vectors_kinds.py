from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing import vectors_tuning
from indexing.errors import InputError
from indexing.vectors import VECTORS, VectorIndex
from indexing.vectors_build import build_vectors
from indexing.vectors_gpu import gpus
from indexing.vectors_kinds import EXACT_FACTORY, VectorSettings, factory, memory_of
from tests.hashing_encoder import HashingEncoder

WORDS = [f"word{number}" for number in range(400)]
NUMBER = 3_000


class Passages:
    """What the builder needs of a passage store."""

    def __init__(self, number):
        rng = np.random.default_rng(number)
        self.pairs = [("", " ".join(rng.choice(WORDS, 20))) for _ in range(number)]

    def __len__(self):
        return len(self.pairs)

    def texts(self, first, last):
        yield from self.pairs[first:last]


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Threads that wait for each other cost more than these small searches."""
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(before)


@pytest.fixture(scope="module")
def passages():
    return Passages(NUMBER)


@pytest.fixture(scope="module")
def shards(passages, tmp_path_factory):
    """Return a folder of finished shards, so that each kind need not encode anew."""
    folder = tmp_path_factory.mktemp("shards")
    build_vectors(passages, HashingEncoder(), folder, folder, lambda n: None)
    return folder


def built(passages, shards, folder, kind, **settings):
    encoder = HashingEncoder()
    made = build_vectors(
        passages, encoder, shards, folder, lambda n: None, VectorSettings(kind, **settings)
    )
    parameters = made.search.parameters if made.search else ""
    return made, VectorIndex(folder / VECTORS, parameters)


def brute_force(passages, questions, k):
    """Return scores of half-precision vectors and the best ids, the obvious way."""
    texts = [text for _, text in passages.pairs]
    matrix = HashingEncoder().encode(texts).astype(np.float16).astype(np.float32)
    scores = questions @ matrix.T
    return scores, np.argsort(-scores, axis=1, kind="stable")[:, :k]


KINDS = ["exact", "int8", "hnsw", "ivf", "IVF16,Flat", "OPQ8,IVF16,PQ8x4fs,Refine(SQfp16)"]


@given(
    lists=st.floats(0.1, 40),
    again=st.floats(0, 0.3),
    cost=st.floats(0.1, 200),
    target=st.floats(0.5, 1),
)
@settings(max_examples=200, deadline=None)
def test_the_search_settings_are_the_fastest_that_reach_the_target(lists, again, cost, target):
    """What trying one setting after the other would choose; recall grows with both knobs."""
    breadths = [f"nprobe={count}" for count in vectors_tuning._steps(1, 4_096)]

    def values(text):
        probed, factor = (int(part.split("=")[1]) for part in text.split(","))
        recall = max(0.0, 1 - lists / probed - again / factor)
        return recall, probed + cost * factor

    class Trial:
        def __init__(self, *_):
            pass

        def recall(self, text):
            return values(text)[0]

        def seconds(self, text):
            return values(text)[1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors_tuning, "_Trial", Trial)
        patch.setattr(vectors_tuning, "_breadths", lambda _: breadths)
        patch.setattr(vectors_tuning, "_has_again", lambda _: True)
        patch.setattr(vectors_tuning, "set_parameters", lambda *_: None)
        tuned = vectors_tuning.tune(None, np.empty((3, 4)), np.empty((3, 100)), target)
    good, limit = [], len(breadths)
    for factor in vectors_tuning._AGAIN:
        texts = [f"{breadth},k_factor_rf={factor}" for breadth in breadths]
        enough = [place for place in range(limit) if values(texts[place])[0] >= target]
        if not enough:
            break
        good.append((values(texts[enough[0]])[1], texts[enough[0]]))
        limit = min(len(breadths), enough[0] + vectors_tuning._MORE_BREADTH)
    thorough = f"{breadths[-1]},k_factor_rf={vectors_tuning._AGAIN[0]}"
    assert tuned.parameters == (min(good)[1] if good else thorough)
    assert tuned.recall == values(tuned.parameters)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_finds_what_an_exact_search_finds(passages, shards, tmp_path, kind):
    made, index = built(passages, shards, tmp_path, kind, recall=0.97)
    questions = vectors_tuning.sample_questions(passages, HashingEncoder())
    scores, best = brute_force(passages, questions, 100)
    ids, found = index.search(questions, 100)
    # Ties are many among hashed words, so that recall counts scores: as good as the 100th best.
    worst = np.take_along_axis(scores, best, 1)[:, -1:]
    real = np.take_along_axis(scores, ids, 1)
    recall = (real >= worst - 1e-5).mean()
    assert recall >= (0.97 if made.search else 0.9999)
    assert made.search is None or made.search.recall <= recall + 1e-9
    assert len({tuple(sorted(set(row))) for row in ids[:3].tolist()}) == 3
    assert np.allclose(found, real, atol=2e-3)  # scores are those of the half-precision vectors
    assert index.ids().tolist() == list(range(NUMBER))


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_is_plain_faiss(passages, shards, tmp_path, kind):
    import faiss

    built(passages, shards, tmp_path, kind)
    plain = faiss.read_index(str(tmp_path / VECTORS))
    assert (plain.ntotal, plain.d, plain.metric_type) == (NUMBER, 32, faiss.METRIC_INNER_PRODUCT)


def test_a_higher_target_is_reached_by_searching_more(passages, shards, tmp_path):
    few, _ = built(passages, shards, tmp_path, "ivf", recall=0.5)
    many, _ = built(passages, shards, tmp_path, "ivf", recall=0.99)
    assert 0.5 <= few.search.recall <= many.search.recall
    assert many.search.recall >= 0.99

    def clusters(made):
        return int(made.search.parameters.split("nprobe=")[1].split(",")[0])

    assert clusters(few) < clusters(many)


def test_a_target_out_of_reach_gives_the_best_there_is(passages, shards, tmp_path):
    made, _ = built(passages, shards, tmp_path, "IVF16,PQ4x4", recall=1.0)
    assert 0 < made.search.recall < 1
    assert "nprobe" in made.search.parameters


@pytest.mark.parametrize("kind", ["exact", "int8", "hnsw", "ivf"])
def test_stored_vectors_are_kept_when_the_kind_changes(passages, shards, tmp_path, kind):
    _, index = built(passages, shards, tmp_path, kind)
    assert index.whole
    encoder = HashingEncoder()
    out = tmp_path / "exact"
    out.mkdir()
    made = build_vectors(
        passages,
        encoder,
        out / "work",
        out,
        lambda n: None,
        VectorSettings("exact"),
        known=index,
    )
    assert made.factory == EXACT_FACTORY
    assert encoder.encoded == []
    texts = [text for _, text in passages.pairs]
    expected = HashingEncoder().encode(texts).astype(np.float16).astype(np.float32)
    again = VectorIndex(out / VECTORS)
    assert (again.stored(0, NUMBER) == expected).all()
    some = np.array([NUMBER - 1, 0, 7, 7])
    assert (again.at(some) == expected[some]).all()


def test_codes_alone_keep_no_whole_vectors(passages, shards, tmp_path):
    _, index = built(passages, shards, tmp_path, "IVF16,PQ4x4")
    assert not index.whole
    with pytest.raises(ValueError, match="whole"):
        index.stored(0, 1)
    with pytest.raises(ValueError, match="whole"):
        index.at(np.array([0]))


def test_exact_search_over_pieces_is_brute_force(passages):
    questions = HashingEncoder().encode(["word1 word2", "word3"])
    texts = [text for _, text in passages.pairs]
    matrix = HashingEncoder().encode(texts)
    ids = vectors_tuning.exact_search(questions, iter(np.array_split(matrix, 7)), NUMBER)
    scores = questions @ matrix.T
    worst = np.sort(scores, axis=1)[:, -100]
    assert ids.shape == (2, 100)
    assert (np.take_along_axis(scores, ids, 1) >= worst[:, None] - 1e-6).all()


@pytest.mark.parametrize("number", [1, 2, 7, 40])
@pytest.mark.parametrize("kind", ["auto", "int8", "hnsw", "IVF1,Flat"])
def test_few_passages(tmp_path, number, kind):
    passages = Passages(number)
    _, index = built(passages, tmp_path / "work", tmp_path, kind)
    ids, _ = index.search(HashingEncoder().encode(["word1"]), 100)
    assert sorted(ids[0][ids[0] >= 0].tolist()) == list(range(number))


@pytest.mark.parametrize("number", [1, 15, 16, 255, 256])
@pytest.mark.parametrize(("kind", "memory"), [("ivf", None), ("auto", 1)])
def test_kinds_with_clusters_can_be_trained_on_few_passages(tmp_path, number, kind, memory):
    made, index = built(Passages(number), tmp_path / "work", tmp_path, kind, memory=memory)
    assert len(index) == number
    assert (made.factory == EXACT_FACTORY) == (number < (16 if kind == "ivf" else 256))


@pytest.mark.parametrize(
    ("kind", "why", "encoded"), [("IVF16,Flat", "16 clusters", 0), ("PQ4", "clusters", 9)]
)
def test_a_kind_that_needs_more_passages_is_named(tmp_path, kind, why, encoded):
    encoder = HashingEncoder()
    settings = VectorSettings(kind)
    with pytest.raises(InputError, match=f"'{kind}' of 9 passages.*{why}.*--vectors exact"):
        build_vectors(Passages(9), encoder, tmp_path, tmp_path, lambda n: None, settings)
    assert len(encoder.encoded) == encoded


@given(
    vectors=st.integers(1, 30_000_000),
    dimension=st.sampled_from([32, 384, 768, 1024]),
    memory=st.none() | st.integers(1, 10**10),
)
def test_auto_keeps_within_memory_where_a_kind_can(vectors, dimension, memory):
    found = factory(VectorSettings("auto", memory=memory), vectors, dimension)
    least = factory(VectorSettings("auto", memory=1), vectors, dimension)
    if memory is not None and memory_of(least, vectors, dimension) <= memory:
        assert memory_of(found, vectors, dimension) <= memory


def test_auto_is_exact_while_the_corpus_is_small():
    assert factory(VectorSettings(), 3_000, 384) == EXACT_FACTORY
    assert factory(VectorSettings(), 1_000_000, 384) == "IVF4096,PQ192x4fs,Refine(SQfp16)"
    assert factory(VectorSettings(memory=20_000_000), 50_000, 384) == "SQ8,Refine(SQfp16)"
    assert factory(VectorSettings(memory=80_000_000), 1_000_000, 384).startswith("OPQ96,")
    assert "_HNSW32" in factory(VectorSettings(), 21_000_000, 768)


def test_senseless_settings():
    with pytest.raises(InputError, match="flat-ish"):
        factory(VectorSettings("flat-ish"), 10, 32)
    with pytest.raises(InputError, match="recall"):
        VectorSettings(recall=1.5)


@pytest.mark.skipif(not gpus(), reason="faiss-gpu finds no GPU")
@pytest.mark.parametrize("kind", ["exact", "ivf"])
def test_on_a_gpu_the_search_is_exact(passages, shards, tmp_path, kind):
    _, index = built(passages, shards, tmp_path, kind)
    questions = HashingEncoder().encode(["word1 word2 word3", "word9"])
    scores, best = brute_force(passages, questions, 100)
    ids, found = index.search(questions, 100)
    worst = np.take_along_axis(scores, best, 1)[:, -1:]
    assert (np.take_along_axis(scores, ids, 1) >= worst - 2e-3).all()
    assert np.allclose(found, np.take_along_axis(scores, ids, 1), atol=2e-3)
