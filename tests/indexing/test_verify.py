from __future__ import annotations

import json
import shutil

import pytest

from indexing.build import BuildSettings, build_index
from indexing.errors import InputError, QAError
from indexing.files import checksum
from indexing.index import Index
from indexing.manifest import MANIFEST
from indexing.splitting import SplitSettings
from indexing.verify import verify
from tests.hashing_encoder import HashingEncoder


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    lines = [{"id": n, "title": f"T{n}", "text": f"some words of {n} " * 20} for n in range(9)]
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, lines)))
    settings = BuildSettings(splitting=SplitSettings(words=20, stride=20))
    build_index([folder / "c.jsonl"], folder / "index", settings, HashingEncoder())
    return folder / "index"


@pytest.fixture
def root(good, tmp_path):
    shutil.copytree(good, tmp_path / "index")
    return tmp_path / "index"


def names(root):
    return list(json.loads((root / MANIFEST).read_text())["files"])


def test_a_good_index(root):
    report = verify(root)
    assert report.ok
    assert report.files == len(names(root)) == 13
    assert report.bytes == sum((root / name).stat().st_size for name in names(root))


def test_every_flipped_bit_is_found_and_the_file_named(root):
    for name in names(root):
        path = root / name
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :])
        report = verify(root)
        assert [name in problem for problem in report.problems] == [True]
        path.write_bytes(content)
    assert verify(root).ok


def test_cut_off_and_missing_files_are_named_by_verify_and_on_opening(root):
    for name in names(root):
        path = root / name
        content = path.read_bytes()
        path.write_bytes(content[:-1])
        assert name in verify(root).problems[0]
        with pytest.raises(QAError, match=path.name):
            Index.open(root)
        path.unlink()
        assert f"{path} is missing." in verify(root).problems
        with pytest.raises(QAError, match=path.name):
            Index.open(root)
        path.write_bytes(content)
    assert verify(root).ok


def test_files_that_are_sound_but_do_not_belong_together(root, tmp_path):
    """Checksums cannot find what was written wrong; the files must agree, too."""
    (tmp_path / "d.jsonl").write_text('{"id": "x", "title": "", "text": "other words entirely"}')
    build_index([tmp_path / "d.jsonl"], tmp_path / "other", encoder=HashingEncoder())
    for name in ("passages.arrow", "bm25/indices.csc.index.npy", "vectors.faiss"):
        copy = tmp_path / "copy"
        shutil.copytree(root, copy)
        shutil.copy(tmp_path / "other/segments/000001" / name, copy / "segments/000001" / name)
        content = json.loads((copy / MANIFEST).read_text())
        path = copy / "segments/000001" / name
        content["files"][f"segments/000001/{name}"] = {
            "bytes": path.stat().st_size,
            "sha256": checksum(path),
        }
        (copy / MANIFEST).write_text(json.dumps(content))
        assert any(path.name in problem for problem in verify(copy).problems)
        shutil.rmtree(copy)


def test_no_index(tmp_path):
    with pytest.raises(InputError, match="not an index"):
        verify(tmp_path)
