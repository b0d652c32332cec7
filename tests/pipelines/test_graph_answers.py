"""Asking a small graph: linking, paths, sets, conjunctions, citations, fitting, evaluation."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from indexing.build import build_index
from indexing.errors import InputError
from indexing.index import Index
from pipelines import cli
from pipelines.answers import Answer, AskResult, Citation
from pipelines.ask import QuestionAnswering
from pipelines.evaluate_graph import evaluate_graph
from pipelines.graph_answers import KNOWN_POWER, GraphAnswers, merged
from pipelines.graph_fitting import FitSettings, fit_paths, softmax_regression
from pipelines.graph_scoring import first_hit, readable
from pipelines.questions import Question
from reader.calibration import UNCALIBRATED
from retriever.bm25 import BM25Retriever
from retriever.graph import GraphView
from retriever.graph_hops import HopRetriever
from retriever.paths import SentencePaths, load_paths, masked, walk
from tests.hashing_encoder import HashingEncoder

TRIPLES = """\
Go West|directed_by|Buster Keaton
Go West|release_year|1925
The General|directed_by|Buster Keaton
The General|directed_by|Clyde Bruckman
The General|starred_actors|Marion Mack
Go West|starred_actors|Brown Eyes
Sherlock|directed_by|Buster Keaton
Sherlock|starred_actors|Kathryn McGuire
Zoë's Day|directed_by|Jean-Luc O'Neill
"""
DIRECTED = ("directed_by", True)
MADE = ("directed_by", False)
STARRED = ("starred_actors", True)


class NoReader:
    def read(self, questions, passages):
        return [[] for _ in questions]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graph")
    (folder / "kb.txt").write_text(TRIPLES)
    (folder / "text.txt").write_text("Go West is a film. Buster Keaton fell ill in 1966.")
    build_index([folder], folder.parent / "graph-index")
    with Index.open(folder.parent / "graph-index") as opened:
        yield opened


@pytest.fixture(scope="module")
def view(index):
    return GraphView(index)


@pytest.fixture
def encoder():
    return HashingEncoder(dimension=256)


def linked(view, question):
    return {(question[link.start : link.end], link.key) for link in view.links(question)}


def test_links_are_the_longest_names_whatever_their_case_and_accents(view):
    assert linked(view, "who made the general ?") == {("the general", "The General")}
    assert linked(view, "what did Buster Keaton's wife see in Go west?") == {
        ("Buster Keaton", "Buster Keaton"),
        ("Go west", "Go West"),
    }
    assert linked(view, "ZOE'S DAY by jean luc o'neill") == {
        ("ZOE'S DAY", "Zoë's Day"),
        ("jean luc o'neill", "Jean-Luc O'Neill"),
    }
    assert linked(view, "who is nobody here") == set()
    assert linked(view, "") == set()


def test_walks_lead_to_what_the_triples_say(view):
    assert [end.place.key for end in walk(view, "Go West", (DIRECTED,))] == ["Buster Keaton"]
    films = walk(view, "Go West", (DIRECTED, MADE))
    assert {end.place.key for end in films} == {"The General", "Sherlock"}  # not where it began
    actors = walk(view, "Go West", (DIRECTED, MADE, STARRED))
    assert {e.place.key for e in actors} == {"Marion Mack", "Kathryn McGuire"}
    mack = next(end for end in actors if end.place.key == "Marion Mack")
    assert mack.statements == (
        ("Go West", "directed_by", "Buster Keaton"),
        ("The General", "directed_by", "Buster Keaton"),
        ("The General", "starred_actors", "Marion Mack"),
    )
    assert walk(view, "Go West", (("no such", True),)) == []
    assert walk(view, "Nobody", (DIRECTED,)) == []


def test_ends_that_more_ways_lead_to_come_first(view):
    found = walk(view, "The General", (DIRECTED, MADE, DIRECTED))
    assert (found[0].place.key, found[0].ways) == ("Buster Keaton", 2)


def test_masking(view):
    question = "which Buster Keaton film is like Go West ?"
    links = {link.key: link for link in view.links(question)}
    assert masked(question, links["Go West"], list(links.values())) == "which Y film is like X ?"
    assert masked(question, links["Buster Keaton"], []) == "which X film is like Go West ?"


def test_sentences_choose_the_relation(index, view, encoder):
    graph = GraphAnswers(index, view, SentencePaths(encoder))
    answers = graph.answer("The General was directed by which men", 5)
    assert [answer.text for answer in answers] == ["Buster Keaton", "Clyde Bruckman"]
    citation = answers[1].citations[0]
    document = index.documents.get(citation.document_id)
    assert document.text[citation.start : citation.end] == "Clyde Bruckman"
    assert citation.sentence == "The General was directed by Buster Keaton and Clyde Bruckman."
    assert document.text[citation.sentence_start :].startswith(citation.sentence)
    assert citation.triples == (("The General", "directed_by", "Clyde Bruckman"),)
    passage = index.passages[citation.passage_id]
    assert passage.document_id == citation.document_id
    assert passage.start <= citation.start < citation.end <= passage.end
    assert 0 < answers[0].probability <= 1
    assert graph.answer("who directed nothing", 5) == ()


def test_an_end_that_the_other_entity_leads_to_as_well_is_the_answer(index, view, encoder):
    class Script:
        def score(self, question, view, key, hops):
            return [(((MADE,)), 0.0)]

    graph = GraphAnswers(index, view, Script())
    answers = graph.answer("films by Buster Keaton and Clyde Bruckman", 5)
    assert [answer.text for answer in answers] == ["The General"]


def test_longer_paths_are_found_by_their_sentences(index, view, encoder):
    scored = dict(SentencePaths(encoder).score("X was directed by Y", view, "Go West", 2))
    assert (DIRECTED,) in scored
    assert (DIRECTED, MADE) in scored
    assert max(scored, key=scored.get) == (DIRECTED,)
    assert all(len(path) == 1 for path, _ in SentencePaths(encoder).score("X", view, "Go West", 1))


QUESTIONS = [
    Question("1", "who made Go West", ("Buster Keaton",)),
    Question("2", "who made The General", ("Buster Keaton", "Clyde Bruckman")),
    Question("3", "which star was in The General", ("Marion Mack",)),
    Question("4", "which star was in Sherlock", ("Kathryn_McGuire",)),
    Question("5", "what else did the maker of Go West do", ("The General", "Sherlock")),
    Question("6", "what else did the maker of Sherlock do", ("The General", "Go West")),
    Question("7", "what is the colour of Go West", ("blue",)),
]


def test_fitted_paths_answer_questions_like_those_they_saw(index, view, encoder, tmp_path):
    fit = fit_paths(QUESTIONS, view, encoder, FitSettings(hops=2))
    assert (fit.explained, fit.questions) == (6, 7)
    assert set(fit.paths.paths) == {(DIRECTED,), (STARRED,), (DIRECTED, MADE)}
    graph = GraphAnswers(index, view, fit.paths, hops=2)
    assert graph.answer("which star was in Go West", 1)[0].text == "Brown Eyes"
    found = graph.answer("what else did the maker of The General do", 5)
    assert {answer.text for answer in found} == {"Go West", "Sherlock"}
    fit.paths.save(tmp_path / "p.safetensors")
    again = load_paths(tmp_path / "p.safetensors", encoder)
    assert again.paths == fit.paths.paths
    assert np.array_equal(again.weights, fit.paths.weights)
    with pytest.raises(InputError, match="another encoder"):
        load_paths(tmp_path / "p.safetensors", HashingEncoder(fingerprint="other"))
    (tmp_path / "bad").write_text("{}")
    for name in ("bad", "none"):
        with pytest.raises(InputError, match="no file of `qa train graph`"):
            load_paths(tmp_path / name, encoder)
    with pytest.raises(InputError, match="No question has a path"):
        fit_paths(QUESTIONS[-1:], view, encoder)


def test_softmax_regression_agrees_with_a_slow_obvious_one():
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(60, 4)).astype(np.float32)
    labels = generator.integers(3, size=60)
    weights, bias = softmax_regression(vectors, labels, 3, 0.05)
    w, b = np.zeros((3, 4)), np.zeros(3)
    for _ in range(20_000):
        logits = vectors @ w.T + b
        shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        shares[np.arange(60), labels] -= 1
        w -= 0.1 * (shares.T @ vectors / 60 + 0.05 * w)
        b -= 0.1 * shares.mean(0)
    assert weights == pytest.approx(w, abs=2e-3)
    assert bias - bias.mean() == pytest.approx(b - b.mean(), abs=2e-3)


def test_hops_bring_passages_of_neighbours(index, view, encoder):
    base = BM25Retriever(index)
    question = "Go West was directed by the director of what other film"
    plain = {hit.passage.title for hit in base.retrieve([question], 4)[0]}
    hops = HopRetriever(index, base, encoder, view, 2).retrieve([question, ""], 4)
    brought = {h.passage.title for h in hops[0] if "neighbours" in h.components}
    assert "Go West" in plain
    assert brought
    assert brought.isdisjoint(plain)
    ends = [line.split("|")[::2] for line in TRIPLES.splitlines()]
    assert brought <= {b for a, b in ends if a in plain} | {a for a, b in ends if b in plain}
    assert len({hit.passage.id for hit in hops[0]}) == len(hops[0]) <= 4
    assert [hit.score for hit in hops[0]] == sorted((hit.score for hit in hops[0]), reverse=True)
    assert hops[1] == []


def test_answers_of_graph_and_reader_are_one_list():
    one = (Answer("A B", 0.5, ()), Answer("C", 0.5, ()))
    two = (Answer("the a b", 0.7, ()), Answer("D", 0.1, ()))
    found = merged(one, two)
    assert [(a.text, a.probability) for a in found] == [("A B", 0.7), ("C", 0.5), ("D", 0.1)]


def test_asking_gives_the_set_and_hits_of_text_beside_it(index, view, encoder):
    graph = GraphAnswers(index, view, SentencePaths(encoder))
    qa = QuestionAnswering(index, BM25Retriever(index), NoReader(), UNCALIBRATED, graph)
    result = qa.ask("The General was directed by which men", min_probability=0)
    assert [answer.text for answer in result.answers] == ["Buster Keaton", "Clyde Bruckman"]
    triples = result.to_json()["answers"][0]["citations"][0]["triples"]
    assert json.loads(json.dumps(triples)) == [["The General", "directed_by", "Buster Keaton"]]
    assert any(hit.passage.document_id == "text.txt" for hit in qa.ask("ill in 1966").hits)


def test_names_are_compared_as_sets():
    assert readable("Kathryn_McGuire") == readable("kathryn mcguire")
    assert first_hit(["x", "X", "The_B"], ["A", "b"]) == 2
    assert first_hit(["x"], ["", "b"]) == 0
    assert first_hit([], ["b"]) == 0


class Script:
    def ask_batch(self, questions, *, answers, top_k, min_probability):
        assert (answers, top_k, min_probability) == (5, 20, 0.0)
        return [
            AskResult(q, tuple(Answer(t, 0.5, ()) for t in q.split("|")[1:]), (), {})
            for q in questions
        ]


def test_evaluation_by_hand(tmp_path):
    questions = [
        Question("a", "q|Go_West|x", ("Go West", "y")),
        Question("b", "q|x|y|z|u|Go West", ("Go_West",)),
        Question("c", "q|x", ("y",)),
        Question("d", "q", ("y",)),
    ]
    result = evaluate_graph(questions, Script(), report=tmp_path / "report")
    assert result["hits"] == {"1": 25.0, "5": 50.0}
    assert result["answered"] == 75.0
    assert result["n"] == 4
    assert result["ci95"]["hits"]["1"][0] <= 25 <= result["ci95"]["hits"]["1"][1]
    written = json.loads((tmp_path / "report" / "answers.json").read_text())
    assert [record["hit"] for record in written.values()] == [1, 5, 0, 0]
    with pytest.raises(InputError, match="limit"):
        evaluate_graph(questions, Script(), limit=0)


def test_the_commands(tmp_path, capsys, tiny_bert):
    (tmp_path / "kb.txt").write_text(TRIPLES)
    questions = tmp_path / "q.jsonl"
    questions.write_text(
        "".join(
            json.dumps({"question": q.text, "answer": list(q.answers)}) + "\n" for q in QUESTIONS
        )
    )
    index, paths = str(tmp_path / "index"), str(tmp_path / "paths")
    assert (
        cli.main(["index", "build", str(tmp_path / "kb.txt"), "--out", index, "--no-vectors"]) == 0
    )
    same = ["--precision", "fp32"]  # seven questions fit too little to bear int8's rounding
    fit = ["train", "graph", str(questions), "--index", index, "--out", paths, "--hops", "2", *same]
    assert cli.main([*fit, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["explained"] == 6
    evaluate = ["eval", "graph", str(questions), "--index", index, "--reader", str(tiny_bert)]
    assert cli.main([*evaluate, "--paths", paths, "--hops", "2", "--json", *same]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["n"] == 7
    assert result["hits"]["5"] >= 600 / 7
    ask = ["ask", "who made Go West", "--index", index, "--reader", str(tiny_bert)]
    assert cli.main([*ask, "--paths", paths, "--min-probability", "0", *same]) == 0
    assert "(Go West, directed_by, Buster Keaton)" in capsys.readouterr().out


def test_what_the_entity_lacks_is_hardly_answered(index, view, encoder):
    asked = GraphAnswers(index, view, SentencePaths(encoder))
    scored = SentencePaths(encoder).score("X was directed by Y", view, "Go West", 1)
    assert sum(math.exp(score) for _, score in scored) <= 1 + 1e-6
    # The graph has directors, but none of the person that is asked about.
    lacking = asked.answer("who directed Brown Eyes", 1)
    there = asked.answer("who directed Go West", 1)
    assert there[0].probability > 0.5
    assert not lacking or lacking[0].probability < there[0].probability / 2


def test_what_is_read_in_the_graph_counts_less_where_the_entity_lacks_it(index, view, encoder):
    graph = GraphAnswers(index, view, SentencePaths(encoder))

    def citation(triples):
        return Citation("d", "", "", 0, 1, 0, "s", 0, 0.0, triples)

    read = [
        Answer("told", 0.6, (citation((("Go West", "directed_by", "Buster Keaton"),)),)),
        Answer("in a text, too", 0.6, (citation((("a", "b", "c"),)), citation(()))),
    ]

    def shares(question):
        found = graph.answer(question, 9, read)
        probabilities = {answer.text: answer.probability for answer in found}
        assert probabilities["in a text, too"] == 0.6
        return probabilities["told"] / 0.6

    for question in ("who directed Brown Eyes", "who directed Go West"):
        found = graph.understood(question)
        own = [one for one in found if one.link == found[0].link]
        known = sum(math.exp(one.log_probability) for one in own)
        assert shares(question) == pytest.approx(known**KNOWN_POWER)
    assert shares("who directed Brown Eyes") < shares("who directed Go West") <= 1
    assert shares("who directed nothing") == 1
    assert len(graph.answer("who directed Go West", 2, read)) == 2
