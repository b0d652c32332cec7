"""The same two documents in every format and compression, and how tests read them."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from functools import partial

import pyarrow as pa
from pyarrow import parquet

from indexing.corpus import CorpusOptions, read_documents
from indexing.documents import Document
from indexing.problems import Problems

RECORDS = [
    {"id": "1", "title": "Röme", "text": "Rome is\nold.", "url": "http://x/1"},
    {"id": "2", "title": "Paris", "text": 'Paris, "new"\tand 世界.', "url": "http://x/2"},
]
DOCUMENTS = [Document(**record) for record in RECORDS]


def read(*sources, problems: Problems | None = None, **options) -> list[Document]:
    collected = problems or Problems(strict=True)
    return list(read_documents(sources, CorpusOptions(**options), collected))


def as_jsonl() -> bytes:
    return "".join(json.dumps(record) + "\n" for record in RECORDS).encode()


def as_json(**how) -> bytes:
    return json.dumps(RECORDS, ensure_ascii=False, **how).encode()


def as_csv(delimiter: str) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, RECORDS[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(RECORDS)
    return out.getvalue().encode()


def as_parquet() -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(RECORDS), out)
    return out.getvalue()


def as_arrow(new) -> bytes:
    out = io.BytesIO()
    table = pa.Table.from_pylist(RECORDS)
    with new(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def as_zst(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


COMPRESS = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": partial(lzma.compress, preset=0),
    ".zst": as_zst,
}
FILES = {
    "a.jsonl": as_jsonl,
    "b.json": as_json,
    "b-pretty.json": lambda: as_json(indent=2),
    "b-lines.json": as_jsonl,
    "c.csv": lambda: as_csv(","),
    "c-semicolon.csv": lambda: as_csv(";"),
    "d.tsv": lambda: as_csv("\t"),
    "e.parquet": as_parquet,
    "f.arrow": lambda: as_arrow(pa.ipc.new_file),
    "f-stream.arrow": lambda: as_arrow(pa.ipc.new_stream),
}
