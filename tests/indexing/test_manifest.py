from __future__ import annotations

import json

import pytest

from indexing.errors import InputError, QAError
from indexing.manifest import (
    FORMAT_VERSION,
    MANIFEST,
    FileRecord,
    Manifest,
    VectorRecord,
    is_index,
    read_manifest,
    write_manifest,
)

BARE = Manifest(
    created="2024-01-01T00:00:00+00:00",
    spanqa="0.1.0",
    documents=2,
    passages=3,
    settings={"lexical": {"k1": 0.9}},
    segment="000001",
    vectors=None,
    files={"segments/000001/documents.arrow": FileRecord(10, "ab")},
)
WITH_VECTORS = Manifest(
    created="",
    spanqa="",
    documents=0,
    passages=0,
    settings={},
    segment="000001",
    vectors=VectorRecord("000002", "default", "f00", 384, "IDMap2,SQfp16"),
    files={},
)


@pytest.mark.parametrize("manifest", [BARE, WITH_VECTORS])
def test_what_is_written_is_read(tmp_path, manifest):
    assert not is_index(tmp_path)
    write_manifest(tmp_path, manifest)
    assert is_index(tmp_path)
    assert read_manifest(tmp_path) == manifest
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST]


def test_segments_are_those_that_hold_files():
    assert BARE.segments() == {"000001"}
    assert WITH_VECTORS.segments() == {"000001", "000002"}


def test_another_format_is_refused(tmp_path):
    write_manifest(tmp_path, BARE)
    content = json.loads((tmp_path / MANIFEST).read_text())
    content["format"] = FORMAT_VERSION + 1
    (tmp_path / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"format {FORMAT_VERSION + 1}"):
        read_manifest(tmp_path)


def test_a_folder_without_manifest_is_no_index(tmp_path):
    with pytest.raises(InputError, match="qa index build"):
        read_manifest(tmp_path)
    with pytest.raises(InputError, match="not an index"):
        read_manifest(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        read_manifest(tmp_path / "file")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 1}', '{"format": 1, "x": 2}'])
def test_a_damaged_manifest_is_named(tmp_path, content):
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(QAError, match=MANIFEST):
        read_manifest(tmp_path)
