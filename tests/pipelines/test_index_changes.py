"""The commands that change an index, and what asking finds afterwards."""

from __future__ import annotations

import io
import json

import pytest

from pipelines import cli

FIRST = [
    {"key": "a", "body": "The lighthouse of Alderney was built in 1912 by Trinity House."},
    {"key": "b", "body": "The Severn Bridge was opened in 1966 by Queen Elizabeth."},
]


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


@pytest.fixture
def index(tmp_path):
    source = write(tmp_path / "first.jsonl", FIRST)
    root = str(tmp_path / "index")
    fields = ["--id-field", "key", "--text-field", "body"]
    assert cli.main(["index", "build", source, "--out", root, *fields]) == 0
    return root


def top(index, question, capsys):
    assert cli.main(["search", question, "--index", index, "-k", "1", "--json"]) == 0
    return json.loads(capsys.readouterr().out)["hits"][0]["document_id"]


def test_the_summary_tells_what_is_taken_for_triples(tmp_path, capsys):
    (tmp_path / "kb.txt").write_text("Ada|born_in|London\n")
    command = ["index", "build", str(tmp_path / "kb.txt"), "--out", str(tmp_path / "index")]
    assert cli.main([*command, "--no-vectors"]) == 0
    assert "kb.txt: read as triples of a graph" in capsys.readouterr().out


def test_add_update_delete_compact(index, tmp_path, capsys, monkeypatch):
    new = [{"key": "c", "body": "The Humber Bridge was opened in 1981."}, FIRST[0]]
    capsys.readouterr()
    assert cli.main(["index", "add", write(tmp_path / "n.jsonl", new), "--index", index]) == 0
    printed = capsys.readouterr()
    assert "1 added; now 3 documents, 3 passages in 2 segments" in printed.out
    assert "skipped 1" in printed.out
    assert "(a)" in printed.err
    assert top(index, "Humber Bridge", capsys) == "c"

    changed = [{"key": "b", "body": "The Severn Bridge has carried the M48 since 1996."}]
    source = write(tmp_path / "u.jsonl", changed)
    assert cli.main(["index", "update", source, "--index", index, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["replaced"] == 1
    assert cli.main(["ask", "Since when has it carried the M48?", "--index", index, "--json"]) == 0
    assert "1996" in capsys.readouterr().out

    monkeypatch.setattr("sys.stdin", io.StringIO("a\n\n"))
    assert cli.main(["index", "delete", "--from", "-", "--index", index]) == 0
    assert "1 removed; now 2 documents" in capsys.readouterr().out
    assert top(index, "lighthouse Alderney Trinity House", capsys) != "a"
    assert cli.main(["index", "info", "--index", index]) == 0
    assert "changed since its build: 3 segments" in capsys.readouterr().out

    assert cli.main(["index", "compact", "--index", index]) == 0
    capsys.readouterr()
    assert cli.main(["index", "verify", "--index", index]) == 0
    assert cli.main(["index", "info", "--index", index]) == 0
    assert "changed since" not in capsys.readouterr().out
    assert top(index, "Humber Bridge", capsys) == "c"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["delete"], "Name the documents"),
        (["delete", "nobody"], "no document 'nobody'"),
        (["delete", "--from", "/nowhere"], "/nowhere cannot be read"),
        (["add", "/nowhere"], "/nowhere does not exist"),
    ],
)
def test_wrong_use(index, words, told, capsys):
    assert cli.main(["index", *words, "--index", index]) == 2
    assert told in capsys.readouterr().err


def test_ids_from_a_file_with_a_byte_order_mark(index, tmp_path, capsys):
    (tmp_path / "ids.txt").write_text("a\n", encoding="utf-8-sig")
    words = ["delete", "--from", str(tmp_path / "ids.txt"), "--index", index]
    assert cli.main(["index", *words]) == 0
    assert "1 removed" in capsys.readouterr().out


def test_a_missing_field_is_chosen_with_an_option_that_add_has(index, tmp_path, capsys):
    source = write(tmp_path / "n.jsonl", [{"key": "c", "said": "The Humber Bridge."}])
    assert cli.main(["index", "add", source, "--index", index]) == 2
    assert "--text-field" in capsys.readouterr().err
    assert cli.main(["index", "add", source, "--index", index, "--text-field", "said"]) == 0
    assert "1 added" in capsys.readouterr().out


def test_a_passage_of_too_many_words(index, tmp_path, capsys):
    source = write(tmp_path / "n.jsonl", FIRST)
    words = ["--words", "5000000000", "--no-vectors", "--out", str(tmp_path / "o")]
    assert cli.main(["index", "build", source, *words]) == 2
    assert "at most 1,000,000,000 words, not 5,000,000,000" in capsys.readouterr().err
