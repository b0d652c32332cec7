"""An index that was changed answers as a fresh build of the documents that it then has."""

from __future__ import annotations

import errno
import json
import os
import random

import numpy as np
import pytest

from indexing.build import BuildSettings, add_vectors, build_index
from indexing.changes import add_documents, delete_documents
from indexing.compaction import compact
from indexing.corpus import CorpusOptions, FieldNames
from indexing.errors import InputError, QAError
from indexing.index import Index
from indexing.lexical import LexicalSettings
from indexing.locks import write_lock
from indexing.manifest import read_manifest
from indexing.splitting import SplitSettings
from indexing.vectors_kinds import VectorSettings
from indexing.verify import verify
from tests.hashing_encoder import HashingEncoder

SETTINGS = BuildSettings(splitting=SplitSettings(words=12, stride=8))
WORDS = [f"word{n}" for n in range(40)] + ["ünïcode", "東京", "engine", "loom"]
QUESTIONS = ["engine loom", "word1 word2 word3 word1", "東京 ünïcode", "nothing of this", "word39"]


def texts(numbers, seed=0):
    """Return documents by id: of random words, of very different lengths."""
    found = {}
    for number in numbers:
        chance = random.Random(f"{seed} {number}")
        words = chance.choices(WORDS, weights=range(len(WORDS), 0, -1), k=chance.randint(1, 60))
        found[f"d{number}"] = " ".join(words)
    return found


def write(path, documents):
    lines = [{"id": i, "title": f"Title {i}", "text": text} for i, text in documents.items()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def found(index, questions=QUESTIONS, k=10):
    """Return each question's passages by document and range with scores, by words and vectors."""
    rows = []
    vectors = HashingEncoder().encode(questions)
    for ids, scores in (index.lexical.search(questions, k), index.vectors.search(vectors, k)):
        for own, values in zip(ids, scores, strict=True):
            passages = [index.passages[i] for i in own[own >= 0]]
            places = [(p.document_id, p.start, p.end, p.text) for p in passages]
            # Ties go by passage id, and ids depend on when a document came.
            rows.append(sorted(zip(np.round(-values[own >= 0], 5).tolist(), places, strict=True)))
    return rows


def assert_equal_to_fresh(root, documents, tmp_path):
    fresh = tmp_path / "fresh"
    build_index([write(tmp_path / "all.jsonl", documents)], fresh, SETTINGS, HashingEncoder())
    everything = 10_000  # no cut among ties
    with Index.open(root) as changed, Index.open(fresh) as expected:
        assert changed.manifest.documents == len(documents) == expected.manifest.documents
        assert changed.manifest.passages == expected.manifest.passages
        assert {document.id: document.text for document in changed.documents} == documents
        assert found(changed, k=everything) == found(expected, k=everything)
        for question in QUESTIONS:
            ids, scores = changed.lexical.search([question], 7)
            _, wanted = expected.lexical.search([question], 7)
            assert np.array_equal(scores, wanted)  # to the last bit
            assert not changed.removed_passages()[ids[ids >= 0]].any()
        some = changed.vectors.ids()[::-7]
        rows = [changed.vectors.stored(number, number + 1)[0] for number in some.tolist()]
        assert np.array_equal(changed.vectors.at(some), rows)
    assert verify(root).ok


@pytest.fixture
def root(tmp_path):
    build_index(
        [write(tmp_path / "first.jsonl", texts(range(40)))],
        tmp_path / "index",
        SETTINGS,
        HashingEncoder(),
    )
    return tmp_path / "index"


@pytest.mark.parametrize("seed", range(4))
def test_any_changes_equal_a_fresh_build(root, tmp_path, seed):
    chance = random.Random(seed)
    documents = texts(range(40))
    number = 40
    for step in range(12):
        action = chance.choice(["add", "add", "replace", "delete", "compact"])
        if action == "add":
            new = texts(range(number, number + chance.randint(1, 5)))
            number += len(new)
            source = write(tmp_path / "new.jsonl", new)
            assert add_documents(root, [source], HashingEncoder()).added == len(new)
            documents |= new
        elif action == "replace":
            chosen = chance.sample(sorted(documents), 2)
            new = {one: texts([one], seed=f"{seed}{step}")[f"d{one}"] for one in chosen}
            source = write(tmp_path / "new.jsonl", new)
            summary = add_documents(root, [source], HashingEncoder(), replacing=True)
            assert (summary.added, summary.replaced) == (0, 2)
            documents = {i: t for i, t in documents.items() if i not in new} | new
        elif action == "delete":
            chosen = chance.sample(sorted(documents), 3)
            assert delete_documents(root, chosen).removed == 3
            documents = {i: t for i, t in documents.items() if i not in chosen}
        else:
            compact(root, HashingEncoder())
            assert not read_manifest(root).changed
    assert_equal_to_fresh(root, documents, tmp_path)
    compact(root, HashingEncoder())
    assert_equal_to_fresh(root, documents, tmp_path)


@pytest.mark.parametrize("settings", [LexicalSettings(k1=0.0), LexicalSettings(k1=2.0, b=1.0)])
def test_other_bm25_settings(tmp_path, settings):
    chosen = BuildSettings(splitting=SETTINGS.splitting, lexical=settings)
    first, later = texts(range(20)), texts(range(20, 25))
    build_index([write(tmp_path / "a.jsonl", first)], tmp_path / "index", chosen)
    add_documents(tmp_path / "index", [write(tmp_path / "b.jsonl", later)])
    delete_documents(tmp_path / "index", ["d3", "d21"])
    left = {i: t for i, t in (first | later).items() if i not in ("d3", "d21")}
    build_index([write(tmp_path / "c.jsonl", left)], tmp_path / "fresh", chosen)
    with Index.open(tmp_path / "index") as changed, Index.open(tmp_path / "fresh") as fresh:
        for question in QUESTIONS:
            scores = [one.lexical.search([question], 50)[1] for one in (changed, fresh)]
            assert np.array_equal(*scores)


def test_compacting_copies_vectors_and_equals_a_fresh_build_to_the_byte(root, tmp_path):
    later = texts(range(40, 60))
    add_documents(root, [write(tmp_path / "b.jsonl", later)], HashingEncoder())
    delete_documents(root, ["d0", "d17", "d41"])
    encoder = HashingEncoder()
    compact(root, encoder)
    assert encoder.encoded == []
    gone = ("d0", "d17", "d41")
    left = {i: t for i, t in (texts(range(40)) | later).items() if i not in gone}
    source = write(tmp_path / "left.jsonl", left)
    build_index([source], tmp_path / "fresh", SETTINGS, HashingEncoder())
    manifests = [read_manifest(one) for one in (root, tmp_path / "fresh")]
    files = [{n.split("/", 2)[2]: f.sha256 for n, f in m.files.items()} for m in manifests]
    assert files[0] == files[1]
    assert len(list((root / "segments").iterdir())) == 1


def test_vectors_that_are_not_whole_are_made_again(tmp_path):
    chosen = BuildSettings(splitting=SETTINGS.splitting, vectors=VectorSettings("SQ8"))
    source = write(tmp_path / "a.jsonl", texts(range(30)))
    build_index([source], tmp_path / "index", chosen, HashingEncoder())
    delete_documents(tmp_path / "index", ["d3"])
    encoder = HashingEncoder()
    compact(tmp_path / "index", encoder)
    with Index.open(tmp_path / "index") as index:
        assert len(encoder.encoded) >= len(index.passages)
        assert index.manifest.vectors.factory == "SQ8"


def test_many_small_changes_are_folded(root, tmp_path):
    documents = texts(range(40))
    for number in range(40, 60):
        new = texts([number])
        add_documents(root, [write(tmp_path / "new.jsonl", new)], HashingEncoder())
        documents |= new
        if number % 5 == 0:
            delete_documents(root, [f"d{number - 3}", f"d{number - 40}"])
            del documents[f"d{number - 3}"], documents[f"d{number - 40}"]
    assert len(read_manifest(root).added) <= 9
    assert_equal_to_fresh(root, documents, tmp_path)


def test_readers_keep_what_they_opened(root, tmp_path):
    with Index.open(root) as before:
        expected = found(before)
        for number in range(40, 52):
            add_documents(root, [write(tmp_path / "n.jsonl", texts([number]))], HashingEncoder())
        delete_documents(root, ["d1", "d2"])
        compact(root, HashingEncoder())
        assert found(before) == expected
        assert "d1" in before.documents
    with Index.open(root) as after:
        assert "d1" not in after.documents
        assert "d45" in after.documents


def test_two_writers(root, tmp_path):
    source = write(tmp_path / "n.jsonl", texts([99]))
    with write_lock(root):
        for change in (
            lambda: add_documents(root, [source], HashingEncoder()),
            lambda: delete_documents(root, ["d1"]),
            lambda: compact(root, HashingEncoder()),
        ):
            with pytest.raises(InputError, match="Another process is writing"):
                change()


def test_wrong_input_changes_nothing(root, tmp_path):
    before = read_manifest(root)
    known = write(tmp_path / "known.jsonl", texts([3]))
    with pytest.raises(InputError, match=r"nothing to add.*d3"):
        add_documents(root, [known], HashingEncoder())
    with pytest.raises(InputError, match="no document 'nobody' and 1 more"):
        delete_documents(root, ["d1", "nobody", "nothing"])
    with pytest.raises(InputError, match="No document would be left"):
        delete_documents(root, list(texts(range(40))))
    with pytest.raises(InputError, match="needs their encoder"):
        add_documents(root, [known])
    with pytest.raises(InputError, match="encoder 'hashing', not 'other'"):
        add_documents(root, [known], HashingEncoder(name="other", fingerprint="x"))
    with pytest.raises(InputError, match="does not exist"):
        add_documents(root, [tmp_path / "nowhere"], HashingEncoder())
    assert read_manifest(root) == before
    assert len(list((root / "segments").iterdir())) == 1


def test_some_of_the_documents_are_there_already(root, tmp_path):
    source = write(tmp_path / "n.jsonl", texts([3, 50]))
    summary = add_documents(root, [source], HashingEncoder())
    assert summary.added == 1
    assert sum(summary.skipped.values()) == 1
    assert "d3" in summary.problems[0]
    assert delete_documents(root, ["d50", "nobody"], missing_ok=True).removed == 1


def test_vectors_of_a_changed_index_wait_for_compaction(root):
    delete_documents(root, ["d1"])
    with pytest.raises(InputError, match="qa index compact"):
        add_vectors(root, HashingEncoder())


def test_new_sources_are_read_as_those_of_the_index_were(tmp_path):
    first, second = tmp_path / "first.jsonl", tmp_path / "second.data"
    for file in (first, second):
        file.write_text(json.dumps({"key": "1", "words": f"{file.stem} text"}) + "\n")
    fields = FieldNames(id="key", text="words")
    settings = BuildSettings(corpus=CorpusOptions(fields=fields, prefix_ids=True))
    build_index([first], tmp_path / "index", settings)
    assert add_documents(tmp_path / "index", [second], format="jsonl").added == 1
    with Index.open(tmp_path / "index") as index:
        assert index.documents.get("first/1").text == "first text"
        assert index.documents.get("second/1").text == "second text"


def shrunk_index(tmp_path, kind):
    """Return an index with vectors of a kind for 20 passages, of which 8 are left."""
    root, source = tmp_path / "index", write(tmp_path / "a.jsonl", texts(range(20)))
    splitting = SplitSettings(words=100, stride=100)
    chosen = BuildSettings(splitting=splitting, vectors=VectorSettings(kind))
    build_index([source], root, chosen, HashingEncoder())
    delete_documents(root, [f"d{n}" for n in range(12)])
    return root


def test_compacting_to_few_passages_changes_the_kind_where_it_must(tmp_path):
    root = shrunk_index(tmp_path, "ivf")
    compact(root, HashingEncoder())
    with Index.open(root) as index:
        assert len(index.vectors) == len(index.passages) == 8
    assert verify(root).ok


def test_compacting_that_cannot_be_leaves_nothing_behind(tmp_path):
    root = shrunk_index(tmp_path, "IVF16,Flat")
    before = sorted((root / "segments").iterdir())
    with pytest.raises(InputError, match="16 clusters"):
        compact(root, HashingEncoder())
    assert sorted((root / "segments").iterdir()) == before
    assert verify(root).ok


def test_other_fields_may_be_named(tmp_path):
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    first.write_text(json.dumps({"key": "1", "words": "old"}) + "\n")
    second.write_text(json.dumps({"key": "2", "said": "new"}) + "\n")
    settings = BuildSettings(corpus=CorpusOptions(fields=FieldNames(id="key", text="words")))
    build_index([first], tmp_path / "index", settings)
    add_documents(tmp_path / "index", [second], fields=FieldNames(text="said"))
    with Index.open(tmp_path / "index") as index:
        assert {one.id: one.text for one in index.documents} == {"1": "old", "2": "new"}


def test_a_full_disk_in_a_change_names_no_option_that_it_lacks(root, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("indexing.store_writing.publish", full)
    with pytest.raises(QAError, match=r"make room and run it again\.$"):
        add_documents(root, [write(tmp_path / "n.jsonl", texts([50]))], HashingEncoder())


def test_many_removed_documents_are_few_operations(root, monkeypatch):
    gone = list(texts(range(1, 40, 2)))
    delete_documents(root, gone)
    with Index.open(root) as index:
        passages = index.passages.get(range(len(index.passages)))
        expected = [passage.document_id in gone for passage in passages]
        assert index.removed_passages().tolist() == expected
        monkeypatch.setattr(type(index.passages), "of_document", None)
        assert index.removed_passages().any()
