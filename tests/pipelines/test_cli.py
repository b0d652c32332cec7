"""The command, run as users run it, over a small index with a fake reader or none."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from encoder.load import default_folder
from indexing import corpus, splitting
from pipelines import cli
from pipelines.commands import index as index_commands

DOCUMENTS = [
    {
        "id": "fleming",
        "title": "Penicillin",
        "text": "Alexander Fleming discovered penicillin in 1928. It was a mould.",
        "url": "https://example.org/p",
    },
    {
        "id": "curie",
        "title": "Radium",
        "text": "Marie Curie discovered radium in 1898 with her husband Pierre.",
    },
    {
        "id": "faust",
        "title": "Faust",
        "text": "Goethe wrote Faust, a tragic play in two parts.",
    },
]


@pytest.fixture(scope="module")
def corpus_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("corpus") / "docs.jsonl"
    file.write_text("".join(json.dumps(document) + "\n" for document in DOCUMENTS))
    return file


@pytest.fixture(scope="module")
def index(corpus_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / "idx"
    assert cli.main(["index", "build", str(corpus_file), "--out", str(folder)]) == 0
    return folder


def run(capsys, *arguments):
    code = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_ask_json_has_the_documented_shape_and_exact_offsets(capsys, index, tiny_bert):
    code, out, _ = run(
        capsys, "ask", "Who discovered penicillin?", "--index", index, "--reader", tiny_bert,
        "--precision", "fp32", "--min-probability", "0", "--json",
    )  # fmt: skip
    document = json.loads(out)
    assert code == 0
    assert set(document) == {"question", "answers", "timings_ms", "hits"}
    assert set(document["timings_ms"]) == {"retrieve", "read", "total"}
    texts = {entry["id"]: entry["text"] for entry in DOCUMENTS}
    assert document["answers"]
    for answer in document["answers"]:
        assert 0 <= answer["probability"] <= 1
        for citation in answer["citations"]:
            text = texts[citation["document_id"]]
            found = text[citation["start"] : citation["end"]]
            assert found.casefold().split() == answer["text"].casefold().split()
            assert found in citation["sentence"]
            assert citation["sentence"] in text
    assert {hit["document_id"] for hit in document["hits"]} <= set(texts)


def test_ask_table_and_abstention(capsys, index, tiny_bert):
    arguments = ("--index", index, "--reader", tiny_bert, "--precision", "fp32")
    code, out, _ = run(
        capsys, "ask", "Who discovered radium?", *arguments, "--min-probability", "0"
    )
    assert code == 0
    assert "Probability" in out
    code, out, _ = run(
        capsys, "ask", "Who discovered radium?", *arguments, "--min-probability", "1"
    )
    assert code == 0
    assert out.strip() == "No answer found."


@pytest.mark.parametrize(
    "question", ["", "🤔", "the of and", "why " * 3000, "\u202eשלום", "Peru \udcff"]
)
@pytest.mark.parametrize("retriever", ["bm25", "dense", "hybrid"])
def test_any_text_is_a_safe_question(capsys, index, question, retriever):
    code, out, _ = run(
        capsys, "search", question, "--index", index, "--retriever", retriever, "--json"
    )
    assert code == 0
    assert isinstance(json.loads(out)["hits"], list)
    assert json.loads(out)["question"] == question.replace("\udcff", "\ufffd")


def test_search_explains_its_hits(capsys, index):
    _, out, _ = run(capsys, "search", "penicillin mould", "--index", index, "--json")
    best = json.loads(out)["hits"][0]
    assert best["document_id"] == "fleming"
    assert best["components"]["bm25"]["rank"] == best["components"]["dense"]["rank"] == 1


def test_info_and_verify(capsys, index):
    _, out, _ = run(capsys, "index", "info", "--index", index, "--json")
    assert json.loads(out)["documents"] == 3
    code, out, _ = run(capsys, "index", "verify", "--index", index)
    assert code == 0
    assert "all right" in out


def test_evaluations(capsys, index, tiny_bert, tmp_path):
    file = tmp_path / "q.jsonl"
    file.write_text(json.dumps({"question": "Who discovered penicillin?", "answer": ["Fleming"]}))
    _, out, _ = run(capsys, "eval", "retrieval", file, "--index", index, "--json")
    assert json.loads(out)["recall"]["1"] == 100
    judged = {"question": "Who wrote Faust?", "answer": [], "document_id": "faust"}
    both = tmp_path / "both.jsonl"
    both.write_text(file.read_text() + "\n" + json.dumps(judged))
    _, out, _ = run(capsys, "eval", "retrieval", both, "--index", index, "--json")
    assert (json.loads(out)["n"], json.loads(out)["gold"]["n"]) == (1, 1)
    code, out, _ = run(
        capsys, "eval", "open", file, "--index", index, "--reader", tiny_bert, "--precision",
        "fp32", "--report", tmp_path / "report", "--json",
    )  # fmt: skip
    assert code == 0
    result = json.loads(out)
    assert {"exact_match", "f1", "recall", "mrr", "n", "ci95", "latency_ms"} <= set(result)
    assert list((tmp_path / "report").iterdir())


def test_questions_with_half_a_surrogate_pair(capsys, index, tiny_bert, tmp_path):
    models = ("--reader", tiny_bert, "--precision", "fp32", "--index", index, "--json")
    code, out, _ = run(capsys, "ask", "Who discovered \udcff?", *models)
    assert code == 0
    assert json.loads(out)["question"] == "Who discovered \ufffd?"
    file = tmp_path / "q.jsonl"
    file.write_text(json.dumps({"id": "\ud800", "question": "Who \ud800?", "answer": ["Fleming"]}))
    assert run(capsys, "eval", "open", file, *models, "--report", tmp_path / "open")[0] == 0
    command = ("eval", "retrieval", file, "--index", index, "--report", tmp_path / "retrieval")
    assert run(capsys, *command)[0] == 0


def test_a_report_folder_is_of_one_kind_of_evaluation(capsys, index, tiny_bert, tmp_path):
    rows, questions = [], tmp_path / "q.jsonl"
    for document in DOCUMENTS[:2]:
        answer = document["title"].lower()
        rows.append({"question": "Who?", "answer": [answer], "context": document["text"]})
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    other = tmp_path / "other.jsonl"
    other.write_bytes(questions.read_bytes())
    models = ("--reader", tiny_bert, "--precision", "fp32")
    commands = {
        "open": ("open", questions, "--index", index, *models),
        "retrieval": ("retrieval", questions, "--index", index),
        "reading": ("reading", questions, *models),
        "reading of sets": ("reading", questions, other, *models),
        "graph": ("graph", questions, "--index", index, *models),
    }
    for first, command in commands.items():
        report = tmp_path / first
        assert run(capsys, "eval", *command, "--report", report)[0] == 0
        before = {path: path.read_bytes() for path in report.rglob("*.*")}
        for second, again in commands.items():
            if second.split()[0] != first.split()[0]:
                code, _, said = run(capsys, "eval", *again, "--report", report)
                assert code == 2
                assert f"({first.split()[0]}, not {second.split()[0]})" in said
        assert {path: path.read_bytes() for path in report.rglob("*.*")} == before
        assert run(capsys, "eval", *command, "--report", report)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["ask", "x", "--index", "no-such-index"], 2, "no-such-index"),
        (["ask", "x", "--answers", "0"], 2, "--answers"),
        (["index", "build", "no-such-file", "--out", "o"], 2, "no-such-file"),
        (["frobnicate"], 2, "frobnicate"),
        (["eval", "open", "no-such.jsonl", "--index", "x"], 2, "no-such.jsonl"),
    ],
)
def test_errors_are_one_sentence_and_an_exit_code(
    capsys, monkeypatch, tmp_path, arguments, code, words
):
    monkeypatch.chdir(tmp_path)
    try:
        found = cli.main(arguments)
    except SystemExit as stop:
        found = stop.code
    message = capsys.readouterr().err
    assert found == code
    assert words in message
    assert "Traceback" not in message


def test_debug_shows_the_traceback(tmp_path):
    with pytest.raises(Exception, match="no-such-index"):
        cli.main(["ask", "x", "--index", str(tmp_path / "no-such-index"), "--debug"])


@pytest.mark.parametrize("encoding", ["utf-8:strict", "utf-8:surrogateescape"])
def test_questions_from_a_pipe_are_answered_line_by_line(index, tiny_bert, encoding):
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "ask", "--index", str(index), "--reader",
         str(tiny_bert), "--json"],
        input=b"\xef\xbb\xbfWho wrote Faust?\n\nWho discovered \xff radium?\n",
        capture_output=True, check=True, env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    lines = [json.loads(line)["question"] for line in done.stdout.decode().splitlines()]
    assert lines == ["Who wrote Faust?", "Who discovered \ufffd radium?"]


def test_help_loads_nothing_heavy():
    heavy = ("numpy", "pyarrow", "rich", "openvino", "onnxruntime", "torch", "faiss")
    code = (
        "import sys; from pipelines.cli import make_parser; make_parser().format_help(); "
        f"sys.exit(','.join(m for m in {heavy} if m in sys.modules) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_asking_on_the_cpu_never_imports_torch(index, tiny_bert):
    code = (
        "import sys; from pipelines.cli import main; "
        f"main(['ask', 'Who wrote Faust?', '--index', {str(index)!r}, '--reader', "
        f"{str(tiny_bert)!r}, '--device', 'cpu', '--min-probability', '0']); "
        "heavy = ('torch', 'transformers', 'sentence_transformers', 'datasets'); "
        "sys.exit(','.join(m for m in heavy if m in sys.modules) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_names_written_out_for_speed_are_the_real_ones():
    assert index_commands.FORMATS == corpus.FORMATS
    assert set(index_commands.SPLITS) == set(splitting.METHODS)
    assert default_folder().is_dir()
