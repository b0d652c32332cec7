"""Builds that cannot be: what is said, and what stays."""

from __future__ import annotations

import errno
import os

import pytest

from indexing.build import BuildSettings, build_index
from indexing.errors import InputError, QAError
from indexing.vectors_kinds import VectorSettings
from indexing.verify import verify
from tests.hashing_encoder import HashingEncoder
from tests.small_corpus import SMALL, segments, write_corpus


@pytest.fixture
def corpus(tmp_path):
    return write_corpus(tmp_path / "corpus.jsonl")


def test_no_documents_leave_nothing_behind(tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(InputError, match="no documents"):
        build_index([tmp_path / "empty.jsonl"], tmp_path / "index")
    with pytest.raises(InputError, match="does not exist"):
        build_index([tmp_path / "nowhere.jsonl"], tmp_path / "index")
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("linked", [False, True])
def test_a_folder_that_was_there_stays(tmp_path, monkeypatch, linked):
    out = tmp_path / "index"
    (tmp_path / "own").mkdir()
    out.symlink_to(tmp_path / "own") if linked else out.mkdir()
    (tmp_path / "empty.jsonl").write_text("")
    monkeypatch.chdir(out)
    for place in (".", out):
        with pytest.raises(InputError, match=r"nope\.txt does not exist"):
            build_index([tmp_path / "nope.txt"], place)
        with pytest.raises(InputError, match="no documents"):
            build_index([tmp_path / "empty.jsonl"], place)
    assert out.is_dir()
    assert list(out.iterdir()) == []


def test_vectors_that_cannot_be_made_leave_nothing_behind(tmp_path):
    corpus = write_corpus(tmp_path / "corpus.jsonl", 3)
    settings = BuildSettings(vectors=VectorSettings("IVF16,Flat"))
    with pytest.raises(InputError, match="16 clusters"):
        build_index([corpus], tmp_path / "index", settings, HashingEncoder())
    assert not (tmp_path / "index").exists()


def test_strict_stops_and_keeps_the_old_index(tmp_path, corpus):
    root = tmp_path / "index"
    build_index([corpus], root, SMALL)
    with corpus.open("a") as file:
        file.write("nonsense\n")
    with pytest.raises(InputError, match=r"corpus\.jsonl:31"):
        build_index([corpus], root, SMALL, strict=True)
    assert segments(root) == ["000001"]
    assert verify(root).ok


def test_folders_that_are_not_ours(tmp_path, corpus):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="neither empty nor an index"):
        build_index([corpus], tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["letter.txt"]
    with pytest.raises(InputError, match="not a folder"):
        build_index([corpus], corpus)
    with pytest.raises(InputError, match="inside its own source"):
        build_index([tmp_path], tmp_path / "index")


@pytest.mark.parametrize("what", ["sync", "publish"])
def test_a_full_disk_is_one_sentence_and_can_be_resumed(tmp_path, corpus, monkeypatch, what):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    root = tmp_path / "index"
    build_index([corpus], root, SMALL)
    with monkeypatch.context() as patched:
        module = "indexing.commit.sync" if what == "sync" else "indexing.store_writing.publish"
        patched.setattr(module, full)
        with pytest.raises(QAError, match="is full") as raised:
            build_index([corpus], root, SMALL, HashingEncoder())
        assert not isinstance(raised.value, InputError)
    assert verify(root).ok
    assert build_index([corpus], root, SMALL, HashingEncoder(), resume=True).vectors > 0


def test_a_folder_that_cannot_be_written_is_named(tmp_path, corpus, monkeypatch):
    def forbidden(self, *arguments, **named):
        raise PermissionError(errno.EACCES, "no", str(self))

    monkeypatch.setattr("pathlib.Path.mkdir", forbidden)
    with pytest.raises(InputError, match="index cannot be written"):
        build_index([corpus], tmp_path / "index")


def test_an_index_whose_manifest_is_damaged_can_be_built_again(tmp_path, corpus):
    root = tmp_path / "index"
    build_index([corpus], root, SMALL)
    (root / "manifest.json").write_text("{")
    build_index([corpus], root, SMALL)
    assert verify(root).ok
    assert len(segments(root)) == 1
