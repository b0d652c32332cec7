"""Bad input is named by file and line, and the rest is read."""

from __future__ import annotations

import gzip
import json
import os
import tarfile

import pyarrow as pa
import pytest

from indexing.corpus import CorpusOptions, read_documents
from indexing.documents import Document
from indexing.errors import InputError, QAError
from indexing.problems import Problems
from tests.indexing.corpus_files import (
    COMPRESS,
    DOCUMENTS,
    as_arrow,
    as_csv,
    as_json,
    as_jsonl,
    as_parquet,
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


def test_an_array_that_does_not_end(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(as_json(indent=1)[:-20])
    problems = Problems()
    assert read(path, problems=problems) == DOCUMENTS[:1]
    assert [(p.line, p.reason) for p in problems.kept] == [(8, "malformed JSON")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"5,only two", "malformed row"),
        (b"5,t,\xff\xfe,u", "invalid UTF-8"),
        (b'5,t,"  ",u', "empty text"),
        (b",t,text,u", "missing field 'id'"),
    ],
)
def test_bad_rows_of_csv(tmp_path, row, reason):
    path = tmp_path / "a.csv"
    path.write_bytes(as_csv(",") + row + b"\r\n9,t,fine,u\r\n")
    problems = Problems()
    assert [document.id for document in read(path, problems=problems)] == ["1", "2", "9"]
    (problem,) = problems.kept
    assert (problem.line, problem.reason) == (5, reason)  # the first row takes two lines


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_a_stray_quote_costs_one_row(tmp_path, delimiter):
    rows = [
        ("id", "title", "text"),
        ("1", "t", '"never closed'),
        ("2", "t", 'five" disks and "words" here'),
        ("3", '"a title"', '"text ""quoted""\nover lines\n\nreally"'),
        ("4", "t", "plain"),
    ]
    path = tmp_path / "a.csv"
    path.write_text("".join(delimiter.join(row) + "\n" for row in rows))
    problems = Problems()
    assert read(path, problems=problems) == [
        Document("2", "t", 'five" disks and "words" here'),
        Document("3", "a title", 'text "quoted"\nover lines\n\nreally'),
        Document("4", "t", "plain"),
    ]
    assert [(p.line, p.reason) for p in problems.kept] == [(2, "malformed row")]


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


def test_damaged_columnar_files(tmp_path):
    good = tmp_path / "good.jsonl"
    good.write_bytes(as_jsonl())
    for name, data in [
        ("a.parquet", as_parquet()[:-30]),
        ("b.parquet", b"PAR1 nonsense"),
        ("c.parquet.gz", gzip.compress(as_parquet())[:-40]),
        ("d.arrow", as_arrow(pa.ipc.new_stream)[:200]),
    ]:
        (tmp_path / name).write_bytes(data)
        problems = Problems()
        assert read(good, tmp_path / name, problems=problems) == DOCUMENTS
        assert problems.total == 1
        assert problems.kept[0].source.endswith(name)


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
