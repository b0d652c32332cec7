"""The commands of the pages in docs/ do what the pages say, on small files made here."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from pipelines import cli

DOCS = Path(__file__).parents[1] / "docs"
HELP = {
    "billing/refunds.md": "# Refunds\n\nWe offer a 48 hour money back guarantee on all purchases. "
    "After that, contact us and we may make an exception.\n",
    "billing/payment-methods.md": "# Payment methods\n\nYou can pay with PayPal or with a credit "
    "card.\n",
    "servers/setup.md": "# Setup time\n\nAfter payment our system sets up your server. This "
    "usually takes around three minutes. You get its address by email.\n",
}
BOOK = {
    "ch01-ownership.md": "# Ownership\n\nOwnership is a set of rules that govern how a program "
    "manages memory. Each value has an owner. There can only be one owner at a time.\n\n"
    "## Moves\n\nWhen a value is assigned to another variable, ownership moves.\n",
    "ch02-references.md": "# References and borrowing\n\nA reference lets you use a value without "
    "taking ownership of it. The action of creating a reference is called borrowing.\n",
    "ch03-slices.md": "# Slices\n\nA slice is a reference to a contiguous sequence of elements in "
    "a collection.\n",
}
QUESTIONS = [
    {"question": "how long is the money back guarantee", "answer": ["48 hour", "48 hours"],
     "document_id": "billing/refunds.md"},
    {"question": "how long does server setup take", "answer": ["three minutes"],
     "document_id": "servers/setup.md"},
]  # fmt: skip
READING = {
    "data": [
        {
            "paragraphs": [
                {
                    "context": HELP["servers/setup.md"],
                    "qas": [
                        {
                            "id": "1",
                            "question": "how long does it take",
                            "answers": [{"text": "three minutes", "answer_start": 77}],
                        }
                    ],
                }
            ]
        }
    ]
}


def commands(page):
    """The lines after `$` in a page's console blocks."""
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line[:2] == "$ "]


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def run_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(page):
        outputs = {}
        for command in commands(page):
            arguments = shlex.split(command)
            assert arguments[0] == "qa"
            code = cli.main(arguments[1:])
            captured = capsys.readouterr()
            assert code == 0, f"{command}: {captured.err}"
            outputs[command] = captured.out
        assert outputs
        return outputs

    return run


def test_evaluation(run_page, tmp_path):
    write(tmp_path / "docs", HELP)
    assert cli.main(["index", "build", "docs", "--out", "my-index"]) == 0
    lines = [json.dumps({"id": str(i)} | q) + "\n" for i, q in enumerate(QUESTIONS)]
    (tmp_path / "questions.jsonl").write_text("".join(lines))
    for name in ("reading", "first", "second"):
        (tmp_path / f"{name}.json").write_text(json.dumps(READING))
    run = f"{tmp_path}/out-retrieval/run.trec"
    (tmp_path / "qrels.txt").write_text("0 0 0 1\n1 0 2 1\n")
    outputs = run_page("evaluation.md")
    assert Path(run).is_file()
    assert (tmp_path / "out-sets" / "report.html").is_file()
    assert any("B - A" in out for out in outputs.values())


def test_help_centre(run_page, tmp_path):
    write(tmp_path / "help", HELP)
    lines = [json.dumps({"id": str(i)} | QUESTIONS[i % 2]) + "\n" for i in range(30)]
    (tmp_path / "questions.jsonl").write_text("".join(lines))
    (tmp_path / "others.jsonl").write_text("".join(lines[:2]))
    outputs = run_page("help-centre.md")
    asked = [out for command, out in outputs.items() if command.startswith("qa ask")]
    known, unknown, calibrated = asked
    assert "48 hour" in known
    assert unknown.strip() == "No answer found."
    assert "48 hour" in calibrated


def test_study_aid(run_page, tmp_path):
    write(tmp_path / "book", BOOK)
    outputs = run_page("study-aid.md")
    answer, reading = [out for c, out in outputs.items() if c.split()[1] in {"ask", "search"}]
    assert "borrowing" in answer
    assert "ch02-references.md" in reading


def test_knowledge_graphs(run_page, tmp_path):
    source = DOCS.parent / "data" / "knowledge_graph"
    (tmp_path / "triples.tsv").write_bytes((source / "triples.tsv").read_bytes())
    lines = (source / "questions.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "fit.jsonl").write_text("".join(lines[::4]))
    (tmp_path / "held.jsonl").write_text("".join(lines[1::12]))
    page = (DOCS / "knowledge-graphs.md").read_text(encoding="utf-8")
    (tmp_path / "templates.toml").write_text(page.split("```toml\n")[1].split("```")[0])
    outputs = run_page("knowledge-graphs.md")
    directed, lacking = [out for c, out in outputs.items() if "who directed" in c]
    assert "(Young Bess, directed_by, George Sidney)" in directed
    assert lacking.strip() == "No answer found."


def test_retrieval(run_page, tmp_path):
    write(tmp_path / "docs", HELP)
    outputs = run_page("retrieval.md")
    first, *_ = [out for c, out in outputs.items() if c.startswith("qa search")]
    assert "billing/refunds.md" in first


def write_labels(file):
    """Write a SQuAD-type file of 60 paragraphs of one document."""
    context = "New staff earn 13 days of leave in year {}."
    paragraphs = [
        {
            "context": context.format(n),
            "qas": [
                {
                    "id": str(n),
                    "question": "how many days of leave do new staff get",
                    "answers": [{"text": "13 days", "answer_start": 15}],
                }
            ],
        }
        for n in range(60)
    ]
    file.write_text(json.dumps({"data": [{"title": "Leave", "paragraphs": paragraphs}]}))


@pytest.mark.slow
def test_own_domain(run_page, tmp_path):
    write(tmp_path / "handbook", HELP)
    lines = [json.dumps({"id": str(i)} | QUESTIONS[i % 2]) + "\n" for i in range(50)]
    for name in ("test", "development", "labels"):
        (tmp_path / f"{name}.jsonl").write_text("".join(lines))
    outputs = run_page("own-domain.md")
    assert any("labels.json: 50 of 50 questions" in out for out in outputs.values())
    assert any("50 questions in both runs" in out for out in outputs.values())
    assert (tmp_path / "after" / "report.html").is_file()


@pytest.mark.slow
def test_training(run_page, tmp_path):
    write(tmp_path / "handbook", HELP)
    write_labels(tmp_path / "labels.json")
    outputs = run_page("training.md")
    assert any("over 2 seeds" in out for out in outputs.values())
    assert (tmp_path / "mine" / "development.json").is_file()


@pytest.mark.slow
def test_notebook_runs_from_start_to_end(tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    # The notebook's own `!qa` and imports must be those of this checkout.
    monkeypatch.setenv("PYTHONPATH", str(DOCS.parent))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    notebook = nbformat.read(DOCS / "quickstart.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    client = NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": tmp_path}})
    client.execute()
    printed = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    assert "1941" in printed
    assert "40 questions in both runs" in printed
    assert "qa: error" not in printed
