"""A build killed at any moment leaves the old index whole, and can be gone on with."""

from __future__ import annotations

import json
import multiprocessing
import random
import signal

import pytest

from indexing.build import build_index
from indexing.compaction import compact
from indexing.index import Index
from indexing.manifest import read_manifest
from indexing.verify import verify
from tests.hashing_encoder import HashingEncoder
from tests.indexing.crashing_build import (
    SETTINGS,
    build_and_die,
    change_and_die,
    make_pieces_small,
)

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["tests.indexing.crashing_build", "pyarrow", "faiss"])


def write_corpus(path, number, word):
    text = f"All about the {word} and what it weaves. " * 4
    lines = [{"id": f"{word}{n}", "title": f"T{n}", "text": f"{n}. {text}"} for n in range(number)]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def contents(root):
    """Return the checksums of all files by name, whatever their segment is called."""
    return {name.split("/", 2)[2]: file for name, file in read_manifest(root).files.items()}


def word_of(root):
    """Return which of the two corpora the index answers from."""
    with Index.open(root) as index:
        ids, _ = index.lexical.search(["loom engine"], 1)
        return index.passages[int(ids[0, 0])].document_id.rstrip("0123456789")


def run(*arguments, target=build_and_die):
    child = SERVER.Process(target=target, args=arguments)
    child.start()
    child.join()
    return child.exitcode


@pytest.fixture
def corpora(tmp_path, monkeypatch):
    make_pieces_small(monkeypatch.setattr)
    old = write_corpus(tmp_path / "old.jsonl", 10, "engine")
    new = write_corpus(tmp_path / "new.jsonl", 60, "loom")
    build_index([old], tmp_path / "index", SETTINGS, HashingEncoder())
    build_index([new], tmp_path / "straight", SETTINGS, HashingEncoder())
    return old, new


def test_a_build_killed_again_and_again_gets_done(tmp_path, corpora):
    root, (_, new) = tmp_path / "index", corpora
    first = contents(root)
    deaths = 0
    # Each child goes on where the last one died, and dies a few steps later.
    while (code := run([new], root, 2 + deaths % 4, deaths > 0)) != 0:
        assert code == -signal.SIGKILL
        deaths += 1
        assert deaths < 60
        assert verify(root).ok
        assert contents(root) == first or word_of(root) == "loom"
    assert deaths > 5
    assert contents(root) == contents(tmp_path / "straight")


@pytest.mark.parametrize("moment", [1, 3, 5, 7, 9, 11, 13, 15])
def test_one_kill_then_resume_equals_an_uninterrupted_build(tmp_path, corpora, moment):
    root, (_, new) = tmp_path / "index", corpora
    assert run([new], root, moment, False) == -signal.SIGKILL
    assert verify(root).ok
    assert word_of(root) == "engine"
    build_index([new], root, SETTINGS, HashingEncoder(), resume=True)
    assert contents(root) == contents(tmp_path / "straight")
    assert len(list((root / "segments").iterdir())) == 1


def held(root):
    """Return the ids of the documents of an index, with their texts."""
    with Index.open(root) as index:
        return {document.id: document.text for document in index.documents}


def test_changes_killed_at_random_lose_nothing(tmp_path):
    chance = random.Random(11)
    root = tmp_path / "index"
    build_index(
        [write_corpus(tmp_path / "a.jsonl", 12, "engine")], root, SETTINGS, HashingEncoder()
    )
    documents = held(root)
    killed = done = 0
    for step in range(40):
        action = chance.choice(["add", "add", "add", "delete", "compact"])
        after, argument = dict(documents), None
        if action == "add":
            word = f"loom{step % 7}x"
            argument = write_corpus(tmp_path / "n.jsonl", chance.randint(1, 3), word)
            lines = map(json.loads, argument.read_text().splitlines())
            after = documents | {line["id"]: line["text"] for line in lines}
        elif action == "delete":
            argument = chance.sample(sorted(documents), 1)
            after = {i: t for i, t in documents.items() if i not in argument}
        code = run(root, action, argument, chance.randint(1, 40), target=change_and_die)
        assert code in (0, -signal.SIGKILL)
        now = held(root)
        assert now in (documents, after)
        assert code != 0 or now == after
        assert verify(root).ok
        documents = now
        killed, done = killed + (code != 0), done + (code == 0)
    assert killed > 10
    assert done > 10
    compact(root, HashingEncoder())
    assert held(root) == documents
    assert len(list((root / "segments").iterdir())) == 1
