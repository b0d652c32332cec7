from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from indexing.build import BuildSettings, build_index
from indexing.errors import InputError
from indexing.index import Index
from indexing.splitting import SplitSettings
from retriever.fusion import ConvexCombination
from retriever.hits import Component
from retriever.hybrid import HybridRetriever
from retriever.open import KINDS, default_kind, open_retriever
from tests.hashing_encoder import HashingEncoder

WORDS = [f"word{n}" for n in range(40)]
QUESTIONS = ["word1 word2", "word7 word9 word11", "word39", "no such thing", "word3 " * 50]
ODD = ["", "  \n", "🙂", "the of and", "?", "w" * 10_000, "word1 " * 2_000, "\0\t", "東京 हिन्दी"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("retrievers")
    rng = np.random.default_rng(5)
    lines = [
        {"id": f"d{n}", "title": f"Title {n}", "text": " ".join(rng.choice(WORDS, 30))}
        for n in range(60)
    ]
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, lines)))
    settings = BuildSettings(splitting=SplitSettings(words=10, stride=10))
    build_index([folder / "c.jsonl"], folder / "index", settings, HashingEncoder())
    build_index([folder / "c.jsonl"], folder / "words-only", settings)
    return folder


@pytest.fixture
def index(folder):
    with Index.open(folder / "index") as index:
        yield index


def retrieve(index, kind, questions, k):
    return open_retriever(index, kind, HashingEncoder()).retrieve(questions, k)


@pytest.mark.parametrize("kind", KINDS)
def test_hits_are_ranked_and_explain_themselves(index, kind):
    for hits in retrieve(index, kind, QUESTIONS, 20):
        assert len(hits) <= 20
        assert [(-hit.score, hit.passage.id) for hit in hits] == sorted(
            (-hit.score, hit.passage.id) for hit in hits
        )
        assert len({hit.passage.id for hit in hits}) == len(hits)
        for rank, hit in enumerate(hits, start=1):
            document = index.documents.get(hit.passage.document_id)
            assert document.text[hit.passage.start : hit.passage.end] == hit.passage.text
            assert hit.components
            if kind != "hybrid":
                assert hit.components == {kind: Component(rank, hit.score)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_answers_like_single_questions(index, kind):
    questions = [*QUESTIONS, *ODD]
    together = retrieve(index, kind, questions, 15)
    assert together == [retrieve(index, kind, [question], 15)[0] for question in questions]


def test_hybrid_adds_up_stretched_scores_by_how_far_each_best_stands_out(index):
    k = 12
    lexical = retrieve(index, "bm25", QUESTIONS, 100)
    dense = retrieve(index, "dense", QUESTIONS, 100)
    beyond = 0
    for question, hits, words, vectors in zip(
        QUESTIONS, retrieve(index, "hybrid", QUESTIONS, k), lexical, dense, strict=True
    ):
        leads = [
            1 - found[:10][-1].score / found[0].score if found else 0.0
            for found in (words, vectors)
        ]
        share = 1 / (1 + math.exp(-(0.659 - 3.487 * leads[0] + 0.491 * leads[1])))
        expected, components = {}, {}
        # What the vectors did not rank among their first: below 0, half as far as its vector says.
        high, low = vectors[0].score, vectors[-1].score
        asked = HashingEncoder().encode_questions([question])[0]
        for hit in words:
            if hit.passage.id not in {other.passage.id for other in vectors}:
                own = float(index.vectors.stored(hit.passage.id, hit.passage.id + 1)[0] @ asked)
                expected[hit.passage.id] = 0.5 * share * (own - low) / (high - low)
        beyond += len(expected)
        for name, weight, found in (("bm25", 1 - share, words), ("dense", share, vectors)):
            for rank, hit in enumerate(found, start=1):
                number, low, high = hit.passage.id, found[-1].score, found[0].score
                stretched = (hit.score - low) / (high - low)
                expected[number] = expected.get(number, 0) + weight * stretched
                components.setdefault(number, {})[name] = Component(rank, hit.score)
        best = sorted(expected.values(), reverse=True)[:k]
        assert [hit.score for hit in hits] == pytest.approx(best)
        for hit in hits:
            assert hit.score == pytest.approx(expected[hit.passage.id])
            assert hit.components == components[hit.passage.id]
    assert beyond > 0


def test_another_fusion_can_be_had(index):
    only_words = ConvexCombination({"bm25": 1.0, "dense": 0.0})
    found = HybridRetriever(index, HashingEncoder(), only_words).retrieve(QUESTIONS[:2], 5)
    words = retrieve(index, "bm25", QUESTIONS[:2], 5)
    assert [[hit.passage.id for hit in hits] for hits in found] == [
        [hit.passage.id for hit in hits] for hits in words
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("question", ODD)
def test_any_text_is_a_safe_question(index, kind, question):
    (hits,) = retrieve(index, kind, [question], 5)
    assert len(hits) <= 5
    if not question.strip():
        assert hits == []


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_questions_and_hits(index, kind):
    assert retrieve(index, kind, [], 5) == []
    assert retrieve(index, kind, ["word1"], 0) == [[]]
    assert len(retrieve(index, "dense", ["word1"], 10_000)[0]) == len(index.passages)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_get_the_same_answers(index, kind):
    retriever = open_retriever(index, kind, HashingEncoder())
    expected = retriever.retrieve(QUESTIONS, 10)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: retriever.retrieve(QUESTIONS, 10), range(12)))
    assert all(result == expected for result in results)


def test_what_cannot_be_opened_says_why(folder, index):
    with Index.open(folder / "words-only") as bare:
        assert (default_kind(bare), default_kind(index)) == ("bm25", "hybrid")
        for kind in ("hybrid", "dense"):
            with pytest.raises(InputError, match="qa index add-vectors"):
                open_retriever(bare, kind, HashingEncoder())
    other = HashingEncoder("other", "other-1")
    for kind in ("hybrid", "dense"):
        with pytest.raises(InputError, match=r"'hashing'.*'other'"):
            open_retriever(index, kind, other)
        with pytest.raises(InputError, match="needs an encoder"):
            open_retriever(index, kind)
    with pytest.raises(InputError, match="not known"):
        open_retriever(index, "psychic", HashingEncoder())
