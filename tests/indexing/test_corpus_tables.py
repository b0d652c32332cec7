"""Bad rows and columns of CSV, Parquet and Arrow cost no more than themselves."""

from __future__ import annotations

import gzip
import re

import pyarrow as pa
import pytest
from pyarrow import parquet

from indexing.documents import Document
from indexing.problems import Problems
from tests.indexing.corpus_files import (
    DOCUMENTS,
    as_arrow,
    as_csv,
    as_jsonl,
    as_parquet,
    read,
)


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


def test_empty_lines_before_the_header_are_passed_over(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf\r\n \n" + as_csv(",") + b"too,few\r\n")
    problems = Problems()
    assert read(path, problems=problems) == DOCUMENTS
    assert [(p.line, p.reason) for p in problems.kept] == [(7, "malformed row")]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"id,text\r1,one\r2,two\r", "a.csv:1: malformed header .*CR"),
        ("id,text\n1,one\n".encode("utf-16"), "a.csv:1: UTF-16 .convert it to UTF-8"),
        (b"\xfe\xff" + "id,text\n1,one\n".encode("utf-16-be"), "a.csv:1: UTF-16 .convert"),
    ],
)
def test_csv_without_a_readable_header(tmp_path, data, says):
    (tmp_path / "a.csv").write_bytes(data)
    (tmp_path / "b.jsonl").write_bytes(as_jsonl())
    problems = Problems()
    assert read(tmp_path, problems=problems) == DOCUMENTS
    assert re.search(says, str(problems.kept[0]))
    assert problems.total == 1


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


def test_bad_text_in_a_columnar_file_costs_its_row(tmp_path):
    texts = pa.array([b"one", b"\xff", b"three"]).cast(pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 3, texts.buffers())
    parquet.write_table(pa.table({"id": ["1", "2", "3"], "text": broken}), tmp_path / "a.parquet")
    problems = Problems()
    found = read(tmp_path / "a.parquet", problems=problems)
    assert [document.text for document in found] == ["one", "three"]
    assert [(p.line, p.reason) for p in problems.kept] == [(2, "invalid UTF-8")]


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_columns_of_one_name_are_reported(tmp_path, name):
    columns = [pa.array([value]) for value in ("1", "first", "last", "x")]
    table = pa.table(columns, names=["id", "tag", "tag", "text"])
    if name == "a.parquet":
        parquet.write_table(table, tmp_path / name)
    else:
        with pa.ipc.new_file(tmp_path / name, table.schema) as writer:
            writer.write_table(table)
    problems = Problems()
    found = read(tmp_path / name, problems=problems)
    assert found == [Document("1", "", "x", metadata={"tag": "last"})]
    assert [p.reason for p in problems.kept] == ["several columns of one name"]
