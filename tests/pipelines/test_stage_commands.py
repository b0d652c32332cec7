"""The stages after retrieval, from the command line and from Python, on texts and on a graph."""

from __future__ import annotations

import json

import pytest

from indexing.build import BuildSettings, build_index
from indexing.splitting import SplitSettings
from pipelines import cli
from pipelines.ask import QuestionAnswering
from pipelines.graph_answers import GraphSettings
from pipelines.stages import open_scorer
from retriever.stages.compose import StageSettings

STORY = (
    "Paris is the capital of France. It lies on the Seine and is old. "
    "Berlin is the capital of Germany. It lies on the Spree and is younger."
)
CORPUS = [
    {"id": "a", "title": "Capitals", "text": STORY},
    {"id": "b", "title": "Mirror", "text": STORY.replace("Paris", "PARIS")},
    {
        "id": "c",
        "title": "Rome",
        "text": "Rome is the capital of Italy. It was not built in a day.",
    },
]
TRIPLES = "Go West|directed_by|Buster Keaton\nThe General|directed_by|Buster Keaton\n"


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stages")
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, CORPUS)))
    settings = BuildSettings(splitting=SplitSettings(words=13, stride=13))
    build_index([folder / "c.jsonl"], folder / "index", settings)
    return folder / "index"


def run(capsys, *arguments):
    code = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def search(capsys, index, *options):
    code, out, _ = run(
        capsys, "search", "capital of France", "--index", index, "--json", "--precision", "fp32",
        "--device", "cpu", *options,
    )  # fmt: skip
    assert code == 0
    return json.loads(out)["hits"]


def test_duplicates_and_documents(capsys, index):
    plain = search(capsys, index)
    assert {hit["document_id"] for hit in plain[:2]} == {"a", "b"}
    assert all(hit["duplicates"] == [] for hit in plain)
    found = search(capsys, index, "--collapse-duplicates")
    assert len({hit["text"].casefold() for hit in found}) == len(found) < len(plain)
    assert [other["document_id"] for other in found[0]["duplicates"]] == ["b"]
    _, out, _ = run(
        capsys, "search", "capital of France", "--index", index, "--collapse-duplicates"
    )
    assert "also in: b" in out
    spread = search(capsys, index, "--per-document", "1", "-k", "3")
    assert sorted(hit["document_id"] for hit in spread) == ["a", "b", "c"]


def test_neighbours_have_exact_offsets(capsys, index):
    found = search(capsys, index, "--neighbours", "1")
    assert found[1]["components"]["beside"]["rank"] == 1
    assert found[1]["start"] >= found[0]["end"]
    texts = {document["id"]: document["text"] for document in CORPUS}
    for hit in found:
        assert texts[hit["document_id"]][hit["start"] : hit["end"]] == hit["text"]


def test_rerankers_by_name_and_folder(capsys, index, tiny_bert, tiny_cross_encoder):
    plain = search(capsys, index)
    for name in ("reader", tiny_cross_encoder):
        found = search(capsys, index, "--rerank", name, "--rerank-weight", "1")
        assert {hit["passage_id"] for hit in found} == {hit["passage_id"] for hit in plain}
        ranks = [hit["components"]["reranker"]["rank"] for hit in found]
        assert ranks == list(range(1, len(found) + 1))
    best = search(capsys, index, "--rerank", tiny_cross_encoder, "--rerank-depth", "1")
    assert [hit["passage_id"] for hit in best] == [hit["passage_id"] for hit in plain]
    code, _, error = run(capsys, "search", "x", "--index", index, "--rerank", "no-such-model")
    assert code == 2
    assert "no-such-model" in error
    code, _, error = run(capsys, "search", "x", "--index", index, "--rerank", tiny_bert)
    assert code == 2
    assert "2 outputs" in error


def test_asking_and_evaluating(capsys, index, tiny_bert, tmp_path):
    options = (
        "--index", index, "--precision", "fp32", "--device", "cpu", "--collapse-duplicates",
        "--per-document", "1", "--neighbours", "1", "--json",
    )  # fmt: skip
    own = ("--rerank", "reader", "--reader", tiny_bert)
    code, out, _ = run(
        capsys, "ask", "What is the capital of France?", *options, *own, "--min-probability", "0"
    )
    assert code == 0
    result = json.loads(out)
    assert result["answers"]
    assert all("reranker" in hit["components"] or "beside" in hit["components"]
               for hit in result["hits"])  # fmt: skip
    file = tmp_path / "q.jsonl"
    file.write_text(json.dumps({"question": "What is the capital of France?", "answer": ["Paris"]}))
    code, out, _ = run(
        capsys, "eval", "retrieval", file, *options, "--report", tmp_path / "retrieval"
    )
    assert code == 0
    assert json.loads(out)["recall"]["1"] == 100
    notes = json.loads((tmp_path / "retrieval" / "settings.json").read_text())["notes"]
    assert notes["collapse duplicates"] == "True"
    assert notes["per document"] == "1"
    code, out, _ = run(capsys, "eval", "open", file, *options, *own, "--report", tmp_path / "open")
    assert code == 0
    assert json.loads(out)["n"] == 1


def test_the_readers_own_head_scores_where_it_is_loaded(tiny_bert):
    given = object()
    assert open_scorer("reader", reader=given) is given


def test_a_graph_is_asked_with_stages(tmp_path, tiny_bert):
    (tmp_path / "kb.txt").write_text(TRIPLES)
    build_index([tmp_path / "kb.txt"], tmp_path / "graph")
    stages = StageSettings(rerank="reader", collapse_duplicates=True, per_document=1, neighbours=2)
    with QuestionAnswering.load(
        tmp_path / "graph", reader=tiny_bert, device="cpu", precision="fp32",
        graph=GraphSettings(hops=2), stages=stages,
    ) as qa:  # fmt: skip
        result = qa.ask("who directed Go West?", min_probability=0)
    assert "Buster Keaton" in [answer.text for answer in result.answers]
    assert len({hit.passage.id for hit in result.hits}) == len(result.hits) > 0
    assert any("reranker" in hit.components for hit in result.hits)
