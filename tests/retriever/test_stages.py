"""Stages against brute force, and what each must never do: lose, double or misorder hits."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.build import BuildSettings, build_index
from indexing.changes import add_documents
from indexing.documents import Passage
from indexing.errors import InputError
from indexing.index import Index
from indexing.splitting import SplitSettings
from retriever.bm25 import BM25Retriever
from retriever.hits import Component, Hit, in_this_order
from retriever.stages.compose import StageSettings, with_stages
from retriever.stages.duplicates import CollapsingRetriever, collapsed
from retriever.stages.neighbours import BESIDE, NeighbouringRetriever
from retriever.stages.per_document import PerDocumentRetriever, spread
from retriever.stages.reranking import RERANKER, RerankingRetriever, reranked

FLOATS = st.floats(-1e6, 1e6, allow_subnormal=False)
TEXTS = st.lists(st.lists(st.sampled_from("abcd"), max_size=8).map(" ".join), max_size=12)


def make_hits(scores, texts=None, documents=None):
    ordered = sorted(scores, reverse=True)
    texts = texts or [f"text {n}" for n in range(len(scores))]
    documents = documents or [f"d{n}" for n in range(len(scores))]
    rows = enumerate(zip(ordered, texts, documents, strict=True))
    return [
        Hit(Passage(n, document, "", text, 0, len(text)), score, {"bm25": Component(n + 1, score)})
        for n, (score, text, document) in rows
    ]


def ids(hits):
    return [hit.passage.id for hit in hits]


def is_ordered(hits):
    return all(a.score >= b.score - 1e-9 for a, b in itertools.pairwise(hits))


class Fixed:
    """A retriever of given hits that notes how deep it was asked."""

    def __init__(self, hits):
        self.hits = hits
        self.depths = []

    def retrieve(self, questions, k):
        self.depths.append(k)
        return [self.hits[:k] for _ in questions]


class Numbers:
    """Scores passages by a function of their id."""

    def __init__(self, function):
        self.function = function
        self.seen = []

    def score(self, questions, passages):
        self.seen += [[passage.id for passage in own] for own in passages]
        return [[self.function(passage.id) for passage in own] for own in passages]


@settings(deadline=None)
@given(st.lists(st.tuples(FLOATS, st.one_of(FLOATS, st.just(float("-inf")))), max_size=20),
       st.integers(0, 20), st.floats(0, 1, allow_subnormal=False))  # fmt: skip
def test_reranking_is_a_permutation_of_the_head(pairs, depth, weight):
    hits = make_hits([score for score, _ in pairs])
    scores = [score for _, score in pairs][:depth]
    found = reranked(hits, scores, weight)
    assert sorted(ids(found)) == ids(hits)
    assert found[len(scores) :] == hits[len(scores) :]
    for hit in found[: len(scores)]:
        assert hit.components["bm25"] == hits[hit.passage.id].components["bm25"]
    if len({hit.score for hit in hits[: len(scores)]}) > 1:
        tolerance = 1e-9 * max(abs(hit.score) for hit in hits)
        steps = itertools.pairwise(found)
        assert all(a.score >= b.score - tolerance for a, b in steps)


@settings(deadline=None)
@given(st.lists(FLOATS, unique=True, max_size=15))
def test_the_weight_goes_from_one_order_to_the_other(scores):
    hits = make_hits(range(len(scores)))
    assert ids(reranked(hits, scores, 0)) == ids(hits)
    by_scorer = reranked(hits, scores, 1)
    ranks = [hit.components[RERANKER].rank for hit in by_scorer]
    given_scores = [hit.components[RERANKER].score for hit in by_scorer]
    assert sorted(ranks) == list(range(1, len(scores) + 1))
    assert given_scores == [scores[hit.passage.id] for hit in by_scorer]
    by_rank = sorted(by_scorer, key=lambda hit: hit.components[RERANKER].rank)
    assert ids(by_rank) == sorted(range(len(scores)), key=lambda n: -scores[n])


def test_the_new_score_is_the_convex_one_on_the_old_scale():
    hits = make_hits([10.0, 6.0, 2.0, 1.0])
    found = reranked(hits, [-1.0, 4.0, 3.0], 0.25)
    # Old scores stretched: 1, 0.5, 0; new ones: 0, 1, 0.8; back on 2..10.
    expected = {0: 2 + 8 * 0.75, 1: 2 + 8 * 0.625, 2: 2 + 8 * 0.2, 3: 1.0}
    assert {hit.passage.id: hit.score for hit in found} == pytest.approx(expected)
    assert ids(found) == [0, 1, 2, 3]
    assert [hit.components.get(RERANKER) for hit in found] == [
        Component(3, -1.0), Component(1, 4.0), Component(2, 3.0), None,
    ]  # fmt: skip


def test_reranking_scores_the_head_only_and_reaches_below_k():
    retriever, scorer = Fixed(make_hits(range(30))), Numbers(float)
    found = RerankingRetriever(retriever, scorer, 10, 1.0).retrieve(["a", "b"], 3)
    assert [ids(hits) for hits in found] == [[9, 8, 7]] * 2
    assert retriever.depths == [10]
    assert scorer.seen == [list(range(10))] * 2
    (deep,) = RerankingRetriever(retriever, scorer, 10, 1.0).retrieve(["a"], 15)
    assert ids(deep) == [*range(9, -1, -1), *range(10, 15)]
    assert RerankingRetriever(Fixed([]), scorer, 10, 1.0).retrieve(["a"], 5) == [[]]


def words(text):
    return re.findall(r"\w+", text.lower())


def jaccard(one, other):
    def runs(text):
        own = words(text)
        return {tuple(own[i : i + 3]) for i in range(max(1, len(own) - 2))}

    return len(runs(one) & runs(other)) / len(runs(one) | runs(other))


def alike_by_brute_force(texts, threshold):
    """Return for each text that is kept the numbers of those collapsed onto it."""
    kept = {}
    for number, text in enumerate(texts):
        like = [one for one in kept if jaccard(texts[one], text) >= threshold]
        if like:
            kept[like[0]].append(number)
        else:
            kept[number] = []
    return kept


@settings(deadline=None)
@given(TEXTS, st.sampled_from([0.2, 0.5, 0.8, 1.0]))
def test_duplicates_are_those_of_brute_force(texts, threshold):
    hits = make_hits(range(len(texts)), texts)
    found = collapsed(hits, threshold)
    assert {
        hit.passage.id: [other.id for other in hit.duplicates] for hit in found
    } == alike_by_brute_force(texts, threshold)
    assert [hit.score for hit in found] == [hits[hit.passage.id].score for hit in found]


def test_case_accents_and_punctuation_make_no_difference():
    texts = ["Beyoncé sang, in 2003.", "beyonce sang in 2003", "Beyoncé sang in 2004",
             "???", "!!!", "東京は日本の首都です", "東京は日本の首都です。"]  # fmt: skip
    found = collapsed(make_hits(range(7), texts), 0.8)
    assert [(hit.passage.id, [p.id for p in hit.duplicates]) for hit in found] == [
        (0, [1]), (2, []), (3, []), (4, []), (5, [6]),
    ]  # fmt: skip


def test_the_list_is_filled_up_from_deeper_hits():
    # Each text eight times, then 40 that differ.
    texts = [f"text number {n // 8} of many" for n in range(40)]
    texts += [f"something else {n} again" for n in range(40)]
    retriever = Fixed(make_hits(range(80), texts))
    (found,) = CollapsingRetriever(retriever, 0.8).retrieve(["a"], 7)
    assert ids(found) == [0, 8, 16, 24, 32, 40, 41]
    assert retriever.depths == [14, 28, 56]
    (few,) = CollapsingRetriever(Fixed(make_hits(range(40), texts[:40])), 0.8).retrieve(["a"], 7)
    assert ids(few) == [0, 8, 16, 24, 32]


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=15), st.integers(1, 4))
def test_spreading_over_documents_loses_nothing(documents, most):
    hits = make_hits(range(len(documents)), documents=documents)
    found = spread(hits, most)
    assert sorted(ids(found)) == ids(hits)
    assert is_ordered(found)
    first = sum(min(count, most) for count in Counter(documents).values())
    counts = Counter(hit.passage.document_id for hit in found[:first])
    assert all(count <= most for count in counts.values())
    assert ids(found[:first]) == sorted(ids(found[:first]))
    assert ids(found[first:]) == sorted(ids(found[first:]))


def test_no_document_takes_more_than_its_places():
    documents = ["a"] * 10 + ["b"] * 3 + ["c"] * 30
    hits = make_hits(range(43), documents=documents)
    (found,) = PerDocumentRetriever(Fixed(hits), 2).retrieve(["q"], 6)
    assert ids(found) == [0, 1, 10, 11, 13, 14]
    (filled,) = PerDocumentRetriever(Fixed(hits), 1).retrieve(["q"], 6)
    assert ids(filled) == [0, 10, 13, 1, 2, 3]


@settings(deadline=None)
@given(st.lists(FLOATS, max_size=10))
def test_scores_follow_the_order(scores):
    hits = [Hit(Passage(n, "d", "", "x", 0, 1), score) for n, score in enumerate(scores)]
    found = in_this_order(hits)
    assert ids(found) == ids(hits)
    assert [hit.score for hit in found] == [min(scores[: n + 1]) for n in range(len(scores))]


TEXT = " ".join(f"word{n}" for n in range(40))


@pytest.fixture
def index(tmp_path):
    lines = [
        {"id": "a", "text": TEXT + " lighthouse"},
        {"id": "b", "text": "A bridge. " + TEXT.replace("word", "brick")},
    ]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, lines)))
    small = BuildSettings(splitting=SplitSettings(words=10, stride=10))
    build_index([tmp_path / "c.jsonl"], tmp_path / "index", small)
    return tmp_path / "index"


def test_neighbours_stand_after_their_hit_with_exact_offsets(index):
    with Index.open(index) as opened:
        retriever = BM25Retriever(opened)
        plain = retriever.retrieve(["word15 brick3", "lighthouse"], 10)
        found = NeighbouringRetriever(opened, retriever, 1).retrieve(
            ["word15 brick3", "lighthouse"], 10
        )
        for hits, without in zip(found, plain, strict=True):
            best = without[0].passage
            around = [
                number
                for number in (best.id - 1, best.id + 1)
                if 0 <= number < len(opened.passages)
                and opened.passages[number].document_id == best.document_id
            ]
            assert ids(hits)[: 1 + len(around)] == [best.id, *around]
            assert set(ids(hits)) == {*ids(without), *around}
            assert len(set(ids(hits))) == len(hits)
            assert is_ordered(hits)
            for hit in hits:
                text = opened.documents.get(hit.passage.document_id).text
                assert text[hit.passage.start : hit.passage.end] == hit.passage.text
            for hit in hits[1 : 1 + len(around)]:
                assert hit.components[BESIDE] == Component(1, without[0].score)
        assert len(NeighbouringRetriever(opened, retriever, 9).retrieve(["word15"], 2)[0]) == 2


def test_neighbours_that_were_found_move_up_and_keep_their_ranks(index):
    with Index.open(index) as opened:
        question = "word15 brick25 word25 word24"
        retriever = BM25Retriever(opened)
        (plain,) = retriever.retrieve([question], 10)
        (hits,) = NeighbouringRetriever(opened, retriever, 10).retrieve([question], 10)
        assert len(set(ids(hits))) == len(hits)
        assert set(ids(plain)) <= set(ids(hits))
        by_id = {hit.passage.id: hit for hit in hits}
        for hit in plain:
            assert by_id[hit.passage.id].components["bm25"] == hit.components["bm25"]


def test_a_replaced_documents_old_passages_are_no_neighbours(tmp_path):
    (tmp_path / "c.jsonl").write_text(json.dumps({"id": "a", "text": "old bridge of stone"}))
    build_index([tmp_path / "c.jsonl"], tmp_path / "index")
    (tmp_path / "n.jsonl").write_text(json.dumps({"id": "a", "text": "new bridge of steel"}))
    add_documents(tmp_path / "index", [tmp_path / "n.jsonl"], replacing=True)
    with Index.open(tmp_path / "index") as opened:
        assert [passage.document_id for passage in opened.passages.get([0, 1])] == ["a", "a"]
        everything = with_stages(
            opened, BM25Retriever(opened), StageSettings(neighbours=5), scorer=None
        )
        (hits,) = everything.retrieve(["bridge"], 5)
    assert [hit.passage.text for hit in hits] == ["new bridge of steel"]


def test_all_stages_together(index):
    with Index.open(index) as opened:
        chosen = StageSettings(
            rerank="x", collapse_duplicates=True, per_document=2, neighbours=2, rerank_depth=5
        )
        stages = with_stages(opened, BM25Retriever(opened), chosen, Numbers(float))
        questions = ["word15 brick3 word31", "", "no such thing", "bridge lighthouse"]
        found = stages.retrieve(questions, 6)
        assert found == [stages.retrieve([question], 6)[0] for question in questions]
        for hits in found:
            assert len(hits) <= 6
            assert len(set(ids(hits))) == len(hits)
            assert is_ordered(hits)
        assert RERANKER in found[0][0].components
        assert found[1] == []
        assert stages.retrieve([], 6) == []
        assert stages.retrieve(["word15"], 0) == [[]]
        plain = BM25Retriever(opened)
        assert with_stages(opened, plain, StageSettings(), None) is plain


@pytest.mark.parametrize(
    "wrong",
    [{"rerank_depth": 0}, {"rerank_weight": 1.5}, {"alike": 0.0}, {"per_document": 0},
     {"neighbours": -1}],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        StageSettings(**wrong)


def test_settings_tell_what_was_chosen():
    assert StageSettings().chosen() == {}
    assert StageSettings(rerank="reader", per_document=2).chosen() == {
        "rerank": "reader",
        "per document": "2",
    }
