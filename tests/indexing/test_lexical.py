from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexing import lexical_build, lexical_merge
from indexing.errors import InputError
from indexing.lexical import LexicalIndex, LexicalSettings, top
from indexing.words import WordSettings, analyzer

WORDS = ["ada", "byron", "engine", "poem", "london", "1843", "note", "loom", "café", "東京"]
corpora = st.lists(
    st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), min_size=1, max_size=12
)
questions_of_words = st.lists(st.sampled_from([*WORDS, "unknown"]), max_size=6).map(" ".join)


class Passages:
    """What the builder needs of a passage store."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __len__(self):
        return len(self.pairs)

    def texts(self, first, last):
        yield from self.pairs[first:last]


def build(folder, texts, settings=LexicalSettings(), title=""):  # noqa: B008
    pairs = [text if isinstance(text, tuple) else (title, text) for text in texts]
    lexical_build.build_lexical(
        Passages(pairs), settings, folder / "work", folder / "bm25", lambda n: None
    )
    return LexicalIndex(folder / "bm25", len(texts), settings)


def lucene_scores(texts, question, k1, b):
    """BM25 in Lucene's variant on rank_bm25's counts: other idf, and no factor (k1 + 1)."""
    from rank_bm25 import BM25Okapi

    class Lucene(BM25Okapi):
        def _calc_idf(self, nd):
            for word, n in nd.items():
                self.idf[word] = math.log(1 + (self.corpus_size - n + 0.5) / (n + 0.5))

    words = analyzer(WordSettings())
    tokens = [words(text) for text in texts]
    if not any(tokens):
        return np.zeros(len(texts))
    with np.errstate(invalid="ignore"):
        scores = Lucene(tokens, k1=k1, b=b).get_scores(words(question)) / (k1 + 1)
    # With b=1, rank_bm25 divides 0 by 0 for a text without words; such a text matches nothing.
    scores[[not one for one in tokens]] = 0
    return scores


@settings(max_examples=40, deadline=None)
@example(texts=["", "ada"], question="ada", k1=0.9, b=1.0, k=1)
@given(
    texts=corpora,
    question=questions_of_words,
    k1=st.sampled_from([0.9, 1.5]),
    b=st.sampled_from([0.0, 0.4, 1.0]),
    k=st.integers(1, 15),
)
def test_scores_are_those_of_rank_bm25_in_lucenes_variant(
    tmp_path_factory, texts, question, k1, b, k
):
    index = build(tmp_path_factory.mktemp("bm25"), texts, LexicalSettings(k1, b))
    ids, scores = (rows[0] for rows in index.search([question], k))
    expected = lucene_scores(texts, question, k1, b)
    found = ids >= 0
    assert found.sum() == min(k, (expected > 0).sum())
    assert np.allclose(scores[found], expected[ids[found]], rtol=1e-5)
    assert np.allclose(scores[found], np.sort(expected)[::-1][: found.sum()], rtol=1e-5)
    assert (scores[~found] == 0).all()


@settings(max_examples=15, deadline=None)
@given(texts=corpora, questions=st.lists(questions_of_words, min_size=1, max_size=3))
def test_bm25s_opens_the_files_and_scores_alike(tmp_path_factory, texts, questions):
    import bm25s

    folder = tmp_path_factory.mktemp("bm25")
    build(folder, texts)
    words = analyzer(WordSettings())
    theirs = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    tokens = [words(text) for text in texts]
    opened = bm25s.BM25.load(folder / "bm25", mmap=True)
    if not any(tokens):
        return
    theirs.index(tokens, show_progress=False)
    for question in questions:
        known = [word for word in words(question) if word in theirs.vocab_dict]
        if known:
            expected = theirs.get_scores(known)
            assert np.allclose(opened.get_scores(known), expected, rtol=1e-6)


def some_texts(number):
    rng = np.random.default_rng(3)
    rare = [f"w{place}" for place in range(3_000)]
    return [" ".join(rng.choice(WORDS + rare, rng.integers(0, 40))) for _ in range(number)]


def files_of(folder):
    return {path.name: path.read_bytes() for path in (folder / "bm25").iterdir()}


@pytest.mark.parametrize(("part", "words", "postings"), [(7, 1, 1), (50, 2_000, 100), (99, 1, 9)])
def test_how_the_work_is_cut_makes_no_difference(tmp_path, monkeypatch, part, words, postings):
    texts = some_texts(200)
    build(tmp_path / "one", texts)
    monkeypatch.setattr(lexical_build, "_PART", part)
    monkeypatch.setattr(lexical_merge, "_WORDS", words)
    monkeypatch.setattr(lexical_merge, "_POSTINGS", postings)
    build(tmp_path / "many", texts)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "many")


def test_finished_runs_are_not_counted_again(tmp_path, monkeypatch):
    monkeypatch.setattr(lexical_build, "_PART", 20)
    texts = some_texts(70)
    build(tmp_path, texts)
    whole = files_of(tmp_path)
    (tmp_path / "work" / "0000000040.run").unlink()
    (tmp_path / "work" / "0000000060.tmp").write_bytes(b"cut off")
    counted = []
    write = lexical_build.write_run
    monkeypatch.setattr(
        lexical_build, "write_run", lambda *args: (counted.append(args[2].name), write(*args))[1]
    )
    build(tmp_path, texts)
    assert counted == ["0000000040.run"]
    assert files_of(tmp_path) == whole


def test_ties_go_by_passage_id_and_batches_answer_like_single_questions(tmp_path):
    texts = ["ada poem", "loom", "ada poem", "ada poem", "engine ada note"] * 40
    index = build(tmp_path, texts)
    questions = ["ada", "poem", "loom engine", "", "ada poem note"]
    ids, scores = index.search(questions, 30)
    assert ids[0].tolist() == [n for n in range(200) if n % 5 in (0, 2, 3)][:30]
    for row, question in enumerate(questions):
        one_ids, one_scores = index.search([question], 30)
        assert (one_ids[0] == ids[row]).all()
        assert (one_scores[0] == scores[row]).all()


@given(
    values=st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.5]), min_size=1, max_size=30),
    k=st.integers(1, 35),
)
def test_top_is_a_stable_sort(values, k):
    order = sorted((-value, place) for place, value in enumerate(values) if value > 0)[:k]
    scores = np.array(values, dtype=np.float32)
    floor = -order[-1][0] if len(order) == k else 0.0
    for least in (0.0, floor):
        assert top(scores, k, least).tolist() == [place for _, place in order]


@pytest.mark.parametrize(
    "question", ["", " ", "the of and", "🙂🙂", "?!", "unknown words", "x" * 10_000, "\ud800", "\0"]
)
def test_questions_without_known_words_find_nothing(tmp_path, question):
    index = build(tmp_path, ["ada byron", "loom"])
    ids, scores = index.search([question], 5)
    assert ids.tolist() == [[-1] * 5]
    assert scores.tolist() == [[0.0] * 5]


def test_very_long_questions_still_find(tmp_path):
    index = build(tmp_path, ["ada byron", "loom"])
    assert index.search(["the loom " * 2_000], 1)[0].tolist() == [[1]]
    assert index.search([], 3)[0].shape == (0, 3)
    assert index.search(["loom"], 0)[0].shape == (1, 0)


@pytest.mark.parametrize("texts", [[""], ["", "🙂"], ["the"]])
def test_passages_without_words(tmp_path, texts):
    index = build(tmp_path, texts)
    assert index.search(["ada the"], 2)[0].tolist() == [[-1, -1]]


def test_titles_count_only_when_wanted(tmp_path):
    texts = [("Ada Lovelace", "mathematician"), ("", "ada"), ("Loom", "weaver")]
    with_titles = build(tmp_path / "a", texts)
    without = build(tmp_path / "b", texts, LexicalSettings(titles=False))
    assert sorted(with_titles.search(["lovelace ada"], 3)[0][0].tolist()) == [-1, 0, 1]
    assert without.search(["lovelace ada"], 3)[0].tolist() == [[1, -1, -1]]


@pytest.mark.parametrize(("k1", "b"), [(-1, 0.4), (0.9, 1.5), (0.9, -0.1)])
def test_senseless_parameters(k1, b):
    with pytest.raises(InputError, match="k1"):
        LexicalSettings(k1=k1, b=b)
