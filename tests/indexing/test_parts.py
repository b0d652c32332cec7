"""A new edition of a document takes the place of all parts of the old one, and of nothing else."""

from __future__ import annotations

import json

import pytest

from indexing.build import BuildSettings, build_index
from indexing.changes import add_documents
from indexing.corpus import CorpusOptions
from indexing.formats import textfiles
from indexing.graph import verbalising
from indexing.graph.triples import GraphOptions
from indexing.index import Index
from indexing.verify import verify


def ids(root):
    with Index.open(root) as index:
        return {document.id for document in index.documents}


@pytest.mark.parametrize("prefix", [False, True])
def test_parts_of_a_text(tmp_path, monkeypatch, prefix):
    monkeypatch.setattr(textfiles, "_PART", 50)
    (tmp_path / "big.txt").write_text("some words of a line\n" * 8)
    settings = BuildSettings(CorpusOptions(prefix_ids=prefix))
    build_index([tmp_path / "big.txt"], tmp_path / "index", settings)
    name = "big/big.txt" if prefix else "big.txt"
    assert ids(tmp_path / "index") == {name, f"{name}#2", f"{name}#3", f"{name}#4"}
    (tmp_path / "big.txt").write_text("other words of a line\n" * 3)
    summary = add_documents(tmp_path / "index", [tmp_path / "big.txt"], replacing=True)
    assert (summary.added, summary.replaced, summary.removed) == (0, 2, 2)
    assert ids(tmp_path / "index") == {name, f"{name}#2"}
    assert summary.documents == 2
    assert verify(tmp_path / "index").ok


def test_documents_that_are_only_called_like_parts_stay(tmp_path):
    texts = {"a.txt": "one", "a.txt#2": "two", "a.txt#neighbours": "three", "a.txt#4": "four"}
    records = [{"id": name, "title": "a", "text": text} for name, text in texts.items()]
    source = tmp_path / "records.jsonl"
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    build_index([source], tmp_path / "index")
    (tmp_path / "a.txt").write_text("new")
    summary = add_documents(tmp_path / "index", [tmp_path / "a.txt"], replacing=True)
    assert (summary.replaced, summary.removed) == (1, 0)
    assert ids(tmp_path / "index") == set(texts)


def test_parts_and_neighbours_of_an_entity(tmp_path, monkeypatch):
    monkeypatch.setattr(verbalising, "_TRIPLES", 20)
    source = tmp_path / "graph.tsv"
    source.write_text("".join(f"hub\tknows\tn{n}\n" for n in range(50)) + "n1\tlikes\ttea\n")
    settings = BuildSettings(CorpusOptions(graph=GraphOptions(hops=2)))
    build_index([source], tmp_path / "index", settings)
    parts = {"entity:hub#2", "entity:hub#3", "entity:hub#neighbours"}
    assert parts < ids(tmp_path / "index")
    source.write_text("hub\tknows\ttea\n" * 2)
    summary = add_documents(tmp_path / "index", [source], replacing=True)
    assert (summary.replaced, summary.removed) == (2, 3)
    assert not parts & ids(tmp_path / "index")
    assert verify(tmp_path / "index").ok
