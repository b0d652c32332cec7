"""Which files a source is, and what ids they have when single ones are read again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexing.build import BuildSettings, build_index
from indexing.changes import add_documents
from indexing.corpus import CorpusOptions
from indexing.errors import InputError
from indexing.index import Index
from indexing.problems import Problems
from indexing.resume import source_identity
from tests.indexing.corpus_files import read


@pytest.fixture
def pages(tmp_path):
    (tmp_path / "dd" / "sub").mkdir(parents=True)
    (tmp_path / "dd" / "page.md").write_text("# Top\ntop text\n")
    (tmp_path / "dd" / "sub" / "page.md").write_text("# Sub\nold\n")
    return tmp_path / "dd"


def texts(root):
    with Index.open(root) as index:
        return {document.id: document.text.split()[-1] for document in index.documents}


def test_a_file_of_a_source_folder_keeps_its_id_in_updates(pages, tmp_path, monkeypatch):
    build_index([pages], tmp_path / "index")
    (pages / "sub" / "page.md").write_text("# Sub\nnew\n")
    summary = add_documents(tmp_path / "index", [pages / "sub" / "page.md"], replacing=True)
    assert (summary.added, summary.replaced) == (0, 1)
    assert texts(tmp_path / "index") == {"page.md": "text", "sub/page.md": "new"}
    (pages / "sub" / "page.md").write_text("# Sub\nnewer\n")
    (pages / "sub" / "more.md").write_text("# More\nmore\n")
    monkeypatch.chdir(pages / "sub")
    add_documents(tmp_path / "index", ["../sub"], replacing=True)
    expected = {"page.md": "text", "sub/page.md": "newer", "sub/more.md": "more"}
    assert texts(tmp_path / "index") == expected


def test_folders_that_were_added_or_linked_are_known_too(pages, tmp_path):
    (tmp_path / "first.md").write_text("first")
    build_index([tmp_path / "first.md"], tmp_path / "index")
    (tmp_path / "link").symlink_to(pages)
    assert add_documents(tmp_path / "index", [tmp_path / "link"]).added == 2
    (pages / "page.md").write_text("newer")
    (pages / "sub" / "page.md").write_text("new")
    for one in (pages / "sub" / "page.md", tmp_path / "link" / "page.md"):
        assert add_documents(tmp_path / "index", [one], replacing=True).replaced == 1
    expected = {"first.md": "first", "page.md": "newer", "sub/page.md": "new"}
    assert texts(tmp_path / "index") == expected


def test_files_elsewhere_are_named_by_themselves(pages, tmp_path):
    build_index([pages], tmp_path / "index")
    (tmp_path / "page.md").write_text("elsewhere")
    assert add_documents(tmp_path / "index", [tmp_path / "page.md"], replacing=True).replaced == 1
    assert texts(tmp_path / "index") == {"page.md": "elsewhere", "sub/page.md": "old"}


def test_prefixes_are_those_of_the_source_folder(pages, tmp_path, monkeypatch):
    monkeypatch.chdir(pages)
    build_index(["."], tmp_path / "index", BuildSettings(CorpusOptions(prefix_ids=True)))
    assert set(texts(tmp_path / "index")) == {"dd/page.md", "dd/sub/page.md"}
    Path("sub", "page.md").write_text("new")
    assert add_documents(tmp_path / "index", ["sub/page.md"], replacing=True).replaced == 1


def test_hidden_files_and_links_that_lead_nowhere_do_not_matter(pages, tmp_path):
    before = source_identity(pages)
    (pages / ".#page.md").symlink_to("somebody@host.1234:1700000000")
    (pages / "gone.md").symlink_to(tmp_path / "gone.md")
    (pages / ".git").mkdir()
    (pages / ".git" / "index").write_text("x")
    assert source_identity(pages) == before
    assert build_index([pages], tmp_path / "index").documents == 2
    (pages / "sub" / "page.md").write_text("other")
    assert source_identity(pages) != before


def test_names_that_are_no_utf8(tmp_path):
    folder = tmp_path / "dd"
    folder.mkdir()
    with open(os.path.join(os.fsencode(folder), b"caf\xe9.md"), "w") as file:
        file.write("text")
    with open(os.path.join(os.fsencode(folder), b"\xff.dat"), "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n\0\0")
    summary = build_index([folder], tmp_path / "index")
    assert texts(tmp_path / "index") == {"caf\ufffd.md": "text"}
    assert "\ufffd.dat" in summary.problems[0]


def test_a_folder_whose_name_is_no_utf8(tmp_path):
    folder = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), b"caf\xe9")))
    folder.mkdir()
    (folder / "a.md").write_text("old")
    build_index([folder], tmp_path / "index")
    (folder / "a.md").write_text("new")
    assert add_documents(tmp_path / "index", [folder / "a.md"], replacing=True).replaced == 1


def test_linked_and_unreadable_folders_are_told(pages, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    (pages / "linked").symlink_to(tmp_path / "other")
    (pages / "locked").mkdir()
    scan = os.scandir

    def refusing(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    problems = Problems()
    assert [document.id for document in read(pages, problems=problems)] == [
        "page.md",
        "sub/page.md",
    ]
    assert problems.counts == {"linked folder": 1, "unreadable folder": 1}
    assert f"{pages / 'locked'}: unreadable folder (Permission denied)" in map(str, problems.kept)
    with pytest.raises(InputError, match=r"locked: unreadable folder"):
        read(pages)
    with pytest.raises(InputError, match=r"locked cannot be read"):
        read(pages / "locked")


def test_a_pipe_is_no_source(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"pipe is neither a file nor a folder"):
        read(tmp_path / "pipe")
