from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from indexing import build as building
from indexing import segment_writing
from indexing.build import BuildSettings, add_vectors, build_index
from indexing.changes import add_documents
from indexing.corpus import CorpusOptions, FieldNames
from indexing.errors import InputError
from indexing.graph.triples import GraphOptions
from indexing.index import Index
from indexing.lexical import LexicalSettings
from indexing.locks import write_lock
from indexing.splitting import SplitSettings
from indexing.verify import verify
from tests.hashing_encoder import HashingEncoder
from tests.small_corpus import SMALL, segments, write_corpus


@pytest.fixture
def corpus(tmp_path):
    return write_corpus(tmp_path / "corpus.jsonl")


class Recorder:
    """A progress that remembers."""

    def __init__(self):
        self.stages = {}

    @contextmanager
    def stage(self, name, total, unit):
        done = []
        yield done.append
        self.stages[name] = (total, unit, sum(done))


def test_a_whole_build(tmp_path, corpus, monkeypatch):
    monkeypatch.setattr(segment_writing, "_PART_DOCUMENTS", 7)
    progress = Recorder()
    with corpus.open("a") as file:
        file.write('{"id": "bad"}\n')
    summary = build_index([corpus], tmp_path / "index", SMALL, HashingEncoder(), progress)
    with Index.open(tmp_path / "index") as index:
        assert summary.documents == len(index.documents) == index.manifest.documents == 30
        assert summary.passages == len(index.passages) == len(index.vectors) == summary.vectors
        for passage in index.passages.get(range(len(index.passages))):
            document = index.documents.get(passage.document_id)
            assert document.text[passage.start : passage.end] == passage.text
            assert passage.title == document.title
        ids, _ = index.lexical.search(["document 17"], 3)
        assert {index.passages[int(i)].document_id for i in ids[0]} == {"d17"}
        assert index.manifest.settings["splitting"]["stride"] == 4
    assert sum(summary.skipped.values()) == 1
    assert "corpus.jsonl:31" in summary.problems[0]
    assert set(summary.seconds) == {"read", "bm25", "vectors", "commit"}
    assert summary.peak_memory > 10_000_000
    assert all(
        (tmp_path / "index" / name).stat().st_size == size for name, size in summary.files.items()
    )
    assert not (tmp_path / "index" / "segments" / "000001" / "work").exists()
    assert progress.stages == {
        "Reading": (corpus.stat().st_size, "B", corpus.stat().st_size),
        "Counting words": (summary.passages, "passages", summary.passages),
        "Encoding": (summary.passages, "passages", summary.passages),
    }
    assert verify(tmp_path / "index").ok


def test_vectors_can_come_later_and_be_replaced(tmp_path, corpus):
    root = tmp_path / "index"
    assert build_index([corpus], root, SMALL).vectors == 0
    with Index.open(root) as before:
        assert before.vectors is None
        summary = add_vectors(root, HashingEncoder())
        assert before.vectors is None
    together = build_index([corpus], tmp_path / "other", SMALL, HashingEncoder())
    with Index.open(root) as index, Index.open(tmp_path / "other") as other:
        assert summary.vectors == len(index.vectors) == together.vectors
        assert other.manifest.vectors.fingerprint == index.manifest.vectors.fingerprint
        checksums = [
            {(name.split("/", 2)[2], file.sha256) for name, file in each.manifest.files.items()}
            for each in (index, other)
        ]
        assert checksums[0] == checksums[1]
    add_vectors(root, HashingEncoder("wide", "wide-1", 64))
    with Index.open(root) as index:
        assert index.vectors.dimension == 64
        assert segments(root) == ["000001", index.manifest.vectors.segment]
    assert verify(root).ok


def test_readers_keep_their_snapshot_and_then_the_old_segment_goes(tmp_path, corpus):
    root = tmp_path / "index"
    build_index([corpus], root, SMALL, HashingEncoder())
    with Index.open(root) as old:
        build_index([write_corpus(tmp_path / "new.jsonl", 5, "loom")], root, SMALL)
        assert len(old.documents) == 30
        assert old.documents.get("d29").title == "Title 29"
        assert old.vectors.search(HashingEncoder().encode(["engine"]), 1)[0][0, 0] >= 0
        with Index.open(root) as new:
            assert len(new.documents) == 5
            assert new.lexical.search(["engine"], 1)[0][0, 0] == -1
        assert segments(root) == ["000001", "000002"]
    build_index([corpus], root, SMALL)
    assert segments(root) == ["000003"]


def test_two_writers_at_once(tmp_path, corpus):
    root = tmp_path / "index"
    build_index([corpus], root)
    with write_lock(root):
        with pytest.raises(InputError, match="Another process"):
            build_index([corpus], root)
        with pytest.raises(InputError, match="Another process"):
            add_vectors(root, HashingEncoder())
    assert verify(root).ok


class Stopped(Exception):
    """Stands for a process that ends in the middle."""


class StoppingEncoder(HashingEncoder):
    def encode(self, texts, progress=None):
        raise Stopped


def stop_in_vectors(corpus, root, settings=SMALL):
    with pytest.raises(Stopped):
        build_index([corpus], root, settings, StoppingEncoder())


def test_resume_needs_the_same_command(tmp_path, corpus):
    root = tmp_path / "index"
    stop_in_vectors(corpus, root)
    encoder = HashingEncoder()
    for other in (
        BuildSettings(splitting=SplitSettings(words=9, stride=4)),
        BuildSettings(splitting=SMALL.splitting, lexical=LexicalSettings(k1=1.2)),
        BuildSettings(CorpusOptions(fields=FieldNames(id="title")), SMALL.splitting),
    ):
        with pytest.raises(InputError, match="started with different"):
            build_index([corpus], root, other, encoder, resume=True)
    with pytest.raises(InputError, match="different encoder"):
        build_index([corpus], root, SMALL, HashingEncoder("b", "b"), resume=True)
    with pytest.raises(InputError, match="different sources"):
        build_index([corpus, corpus.parent / "c"], root, SMALL, encoder, resume=True)
    os.utime(corpus, (0, 0))
    with pytest.raises(InputError, match="different sources"):
        build_index([corpus], root, SMALL, encoder, resume=True)
    assert build_index([corpus], root, SMALL, encoder).documents == 30
    assert len(segments(root)) == 1


def test_resume_repeats_the_problems_and_reads_nothing_again(tmp_path, corpus, monkeypatch):
    with corpus.open("a") as file:
        file.write("nonsense\n")
    stop_in_vectors(corpus, tmp_path / "index")
    monkeypatch.setattr(building, "read_documents", None)
    monkeypatch.setattr(segment_writing, "build_lexical", None)
    summary = build_index([corpus], tmp_path / "index", SMALL, HashingEncoder(), resume=True)
    assert sum(summary.skipped.values()) == 1
    assert len(summary.problems) == 1
    assert set(summary.seconds) == {"vectors", "commit"}


def test_resume_without_an_unfinished_build_starts_one(tmp_path, corpus):
    assert build_index([corpus], tmp_path / "index", SMALL, resume=True).documents == 30
    assert build_index([corpus], tmp_path / "index", SMALL, resume=True).documents == 30


def test_adding_vectors_leaves_an_unfinished_build_alone(tmp_path, corpus):
    root = tmp_path / "index"
    build_index([corpus], root, SMALL)
    stop_in_vectors(corpus, root)
    add_vectors(root, HashingEncoder())
    summary = build_index([corpus], root, SMALL, HashingEncoder(), resume=True)
    assert set(summary.seconds) == {"vectors", "commit"}
    assert len(segments(root)) == 1
    assert verify(root).ok


def test_parts_are_cut_by_all_that_a_document_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(segment_writing, "_PART_CHARACTERS", 1000)
    path = tmp_path / "crawl.jsonl"
    lines = [{"id": str(n), "text": "short", "html": "x" * 400} for n in range(9)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    build_index([path], tmp_path / "index")
    with Index.open(tmp_path / "index") as index:
        assert [len(columns[0]) for columns in index.passages.columns()] == [3, 3, 3]


def test_files_of_labels_and_templates_are_found_from_any_folder(tmp_path, monkeypatch):
    (tmp_path / "names.tsv").write_text("Q1\tAda\n")
    (tmp_path / "told.json").write_text('{"knows": {"skip": true}}')
    (tmp_path / "a.tsv").write_text("Q1\tlikes\tQ2\n")
    (tmp_path / "b.tsv").write_text("Q3\tlikes\tQ1\nQ3\tknows\tQ4\n")
    monkeypatch.chdir(tmp_path)
    graph = GraphOptions(labels=("names.tsv",), templates="told.json")
    build_index(["a.tsv"], "index", BuildSettings(CorpusOptions("triples", graph=graph)))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    add_documents(tmp_path / "index", ["../b.tsv"])
    with Index.open(tmp_path / "index") as index:
        assert "Ada" in index.documents.get("entity:Q3").text


def test_documents_without_passages(tmp_path, corpus, monkeypatch):
    monkeypatch.setattr(segment_writing, "_PART_DOCUMENTS", 5)
    cut = segment_writing.split
    monkeypatch.setattr(segment_writing, "split", lambda document, settings: [])
    with pytest.raises(InputError, match="no text"):
        build_index([corpus], tmp_path / "index", SMALL)
    assert not (tmp_path / "index").exists()
    monkeypatch.setattr(
        segment_writing,
        "split",
        lambda document, s: cut(document, s) if document.id == "d29" else [],
    )
    build_index([corpus], tmp_path / "index", SMALL, HashingEncoder())
    with Index.open(tmp_path / "index") as index:
        assert len(index.documents) == 30
        assert {passage.document_id for passage in index.passages.get([0, 1])} == {"d29"}
    assert verify(tmp_path / "index").ok


def test_opening_and_bm25_load_no_heavy_library(tmp_path, corpus):
    build_index([corpus], tmp_path / "index", SMALL)
    heavy = ["torch", "transformers", "pandas", "faiss", "numba", "bm25s", "scipy", "openvino"]
    program = f"""
import sys
from indexing.graph.triples import GraphOptions
from indexing.index import Index
from retriever.open import open_retriever
open_retriever(Index.open({str(tmp_path / "index")!r}), "bm25").retrieve(["engine"], 3)[0][0]
print(*set({heavy}).intersection(sys.modules))
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=root
    )
    assert done.stdout.split() == []
