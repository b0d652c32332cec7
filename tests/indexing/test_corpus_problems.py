"""Bad input is named by file and line, and the rest is read."""

from __future__ import annotations

import json
import os
import tarfile

import pytest

from indexing.corpus import CorpusOptions, read_documents
from indexing.documents import Document
from indexing.errors import InputError, QAError
from indexing.problems import Problems
from indexing.resume import source_identity
from tests.indexing.corpus_files import (
    COMPRESS,
    DOCUMENTS,
    as_json,
    as_jsonl,
    read,
)


def test_duplicate_ids_are_reported_and_the_first_kept(tmp_path):
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_text('{"id": 1, "text": "a"}\n{"id": 2, "text": "b"}\n')
    two.write_text('{"id": 3, "text": "c"}\n{"id": "2", "text": "d"}\n{"id": 1, "text": "e"}\n')
    problems = Problems()
    assert [document.text for document in read(one, two, problems=problems)] == ["a", "b", "c"]
    assert problems.counts == {"duplicate id": 2}
    assert str(problems.kept[0]) == f"{two}:2: duplicate id (2)"


BAD_LINES = [
    (b'{"id": 5, "text": "unfinished', "malformed JSON"),
    (b'["list"]', "not a JSON object"),
    (b'{"id": 5, "title": "t"}', "missing field 'text'"),
    (b'{"title": "t", "text": "x"}', "missing field 'id'"),
    (b'{"id": 5, "text": " \\n "}', "empty text"),
    (b'{"id": 5, "text": null}', "missing field 'text'"),
    (b'{"id": 5, "text": {"a": 1}}', "field 'text' is not text"),
    (b'{"id": 5, "text": "\xff\xfe"}', "invalid UTF-8"),
    (b"[" * 100_000, "malformed JSON"),
    (b'{"id": ' + b"7" * 5000 + b', "text": "x"}', "malformed JSON"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_LINES)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_bad_lines_are_reported_with_their_number_and_skipped(tmp_path, bad, reason, suffix):
    path = tmp_path / f"a.jsonl{suffix}"
    lines = as_jsonl().splitlines()
    path.write_bytes(COMPRESS[suffix](b"\n".join([lines[0], b"", bad, lines[1]])))
    problems = Problems()
    assert read(path, problems=problems) == DOCUMENTS
    (problem,) = problems.kept
    assert (problem.source, problem.line, problem.reason) == (str(path), 3, reason)
    with pytest.raises(InputError, match=r"a\.jsonl(\.gz)?:3: "):
        read(path)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [(bad, reason) for bad, reason in BAD_LINES if reason != "malformed JSON"]
    + [(b'{"id": 5, "text": x}', "malformed JSON"), (b'{"id": ]}', "malformed JSON")],
)
def test_bad_elements_of_an_array(tmp_path, bad, reason):
    path = tmp_path / "a.json"
    lines = as_jsonl().splitlines()
    path.write_bytes(b"[\n" + b",\n".join([lines[0], bad, lines[1]]) + b"\n]\n")
    problems = Problems()
    assert read(path, problems=problems) == DOCUMENTS
    (problem,) = problems.kept
    assert (problem.line, problem.reason) == (3, reason)


DEEP = b'{"a": ' * 50_000
HUGE = b'{"id": ' + b"7" * 5000 + b', "text": "x"}'


@pytest.mark.parametrize("bad", [DEEP, HUGE])
def test_a_bad_first_line_of_json_lines_is_reported(tmp_path, bad):
    for name in ("a.jsonl", "b.json", "c"):
        path = tmp_path / name
        path.write_bytes(bad + b"\n" + as_jsonl())
        problems = Problems()
        assert read(path, problems=problems) == DOCUMENTS
        assert [(p.line, p.reason) for p in problems.kept] == [(1, "malformed JSON")]


@pytest.mark.parametrize("bad", ['{"title": ' + '{"a": ' * 50_000 + "1" + "}" * 50_001, "7" * 5000])
def test_bad_articles_of_squad_are_reported(tmp_path, bad):
    article = '{"title": "A", "paragraphs": [{"context": "One."}]}'
    path = tmp_path / "a.json"
    path.write_text(f'{{"data": [\n{article},\n{bad},\n{article.replace("One", "Two")}]}}')
    problems = Problems()
    assert [document.text for document in read(path, problems=problems)] == ["One.", "Two."]
    assert [(p.line, p.reason) for p in problems.kept] == [(3, "malformed JSON")]


def test_a_file_whose_name_is_no_utf_8_is_read(tmp_path):
    (tmp_path / os.fsdecode(b"a\xe4.txt")).write_text("Some text.")
    (tmp_path / os.fsdecode(b"b\xe4.txt")).write_text(" ")
    problems = Problems()
    assert read(tmp_path, problems=problems) == [Document("a\ufffd.txt", "a\ufffd", "Some text.")]
    assert str(problems.kept[0]) == f"{tmp_path}/b\ufffd.txt: empty text"
    assert source_identity(tmp_path)["bytes"] == 11


def test_names_of_metadata_are_normalised(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "1", "text": "x", "\\ud800": "y", "metadata": {"\\udfff": "z"}}\n')
    (document,) = read(path)
    assert document.metadata == {"\ufffd": "z"}
    path.write_text('{"id": "1", "\\ud800": "y"}\n')
    with pytest.raises(InputError, match="has id, \ufffd; choose with --text-field"):
        read(path)


def test_an_array_that_does_not_end(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(as_json(indent=1)[:-20])
    problems = Problems()
    assert read(path, problems=problems) == DOCUMENTS[:1]
    assert [(p.line, p.reason) for p in problems.kept] == [(8, "malformed JSON")]


def test_archives_of_many_files_are_to_be_unpacked(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("x.txt"))
    with pytest.raises(InputError, match="unpack it"):
        read(tmp_path / "a.tar.gz")


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("name", ["a.jsonl", "c.csv", "b.json"])
def test_a_truncated_archive_gives_what_was_readable(tmp_path, name, suffix):
    rows = [{"id": str(n), "text": os.urandom(300).hex()} for n in range(3000)]
    lines = [json.dumps(row) for row in rows]
    text = {
        "a.jsonl": "\n".join(lines),
        "b.json": "[" + ",\n".join(lines) + "]",
        "c.csv": "\n".join(["id,text", *(f"{row['id']},{row['text']}" for row in rows)]),
    }[name]
    data = COMPRESS[suffix](text.encode())
    path = tmp_path / (name + suffix)
    path.write_bytes(data[: len(data) * 9 // 10])
    problems = Problems()
    found = read(path, problems=problems)
    assert problems.counts == {"damaged archive": 1}
    assert [document.text for document in found] == [row["text"] for row in rows[: len(found)]]
    # bzip2 decompresses by blocks of 900 kB and Zstandard by blocks of 128 kB
    assert len(found) > (1000 if suffix == ".bz2" else 2000)
    line = problems.kept[0].line
    assert line is not None
    assert len(found) <= line <= len(found) + 2
    with pytest.raises(InputError, match="damaged archive"):
        read(path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0"), "--format"),
        (lambda path: path.mkdir(), "empty folder"),
        (lambda path: path.write_text(""), "--format|no documents"),
        (lambda path: path.write_text('{"id": 1}\n'), "no documents.*missing field 'text'"),
    ],
)
def test_hopeless_sources_are_one_clear_error(tmp_path, make, says):
    path = tmp_path / "source"
    make(path)
    with pytest.raises(InputError, match=says):
        read(path, problems=Problems())


def test_an_unknown_format_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(InputError, match="'xml' is not known; choose one of auto, jsonl"):
        read_documents([tmp_path], CorpusOptions(format="xml"), Problems())
    with pytest.raises(InputError, match="does not exist"):
        read_documents([tmp_path / "none"], CorpusOptions(), Problems())


@pytest.mark.parametrize(
    ("module", "source"), [("pypdf", "a.pdf"), ("docx", "a.docx"), ("datasets", "hf:a/b")]
)
def test_a_missing_library_is_named_before_reading(tmp_path, monkeypatch, module, source):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    if not source.startswith("hf:"):
        (tmp_path / source).write_bytes(b"x")
        source = tmp_path / source
    with pytest.raises(QAError, match=r"pip install 'spanqa\[formats\]'"):
        read_documents([source], CorpusOptions(), Problems())
