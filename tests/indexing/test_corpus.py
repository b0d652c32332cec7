from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import tarfile
import tracemalloc
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from indexing.corpus import CorpusOptions, FieldNames, corpus_size, read_documents
from indexing.documents import Document
from indexing.errors import InputError, QAError
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


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("name", FILES)
def test_record_formats_plain_and_compressed(tmp_path, name, suffix):
    path = tmp_path / (name + suffix)
    path.write_bytes(COMPRESS[suffix](FILES[name]()))
    assert read(path) == DOCUMENTS


@pytest.mark.parametrize("name", ["a.jsonl", "b.json", "b-pretty.json", "e.parquet", "f.arrow"])
@pytest.mark.parametrize("suffix", ["", ".xz"])
def test_content_is_recognised_where_the_name_says_nothing(tmp_path, name, suffix):
    for target in ("corpus", "corpus.dump"):
        path = tmp_path / (target + suffix)
        path.write_bytes(COMPRESS[suffix](FILES[name]()))
        assert read(path) == DOCUMENTS


def test_the_compression_is_known_by_content_not_name(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(as_jsonl()[:60]) + gzip.compress(as_jsonl()[60:]))
    assert read(path) == DOCUMENTS


def test_the_user_names_format_and_fields(tmp_path):
    path = tmp_path / "corpus.dat"
    path.write_text("key;head;words;where\nk1;H;some words;u\n")
    fields = FieldNames(id="key", title="head", text="words", url="where")
    assert read(path, format="csv", fields=fields) == [Document("k1", "H", "some words", "u")]


@pytest.mark.parametrize(
    ("record", "document"),
    [
        ({"_id": 7, "contents": "c"}, Document("7", "", "c")),
        ({"docid": "d", "body": "c", "link": "u"}, Document("d", "", "c", "u")),
        ({"doc_id": "d", "Content": "c", "Title": " t "}, Document("d", "t", "c")),
        ({"id": "d", "text": ["one", "two"]}, Document("d", "", "one\ntwo")),
        ({"passage": "p"}, Document("a.jsonl#1", "", "p")),
        (
            {"_id": "b", "title": "t", "text": "x", "metadata": {"url": "u", "year": 1999}},
            Document("b", "t", "x", "u", {"year": "1999"}),
        ),
        (
            {"id": "m", "text": "x", "lang": "en", "n": 1.5, "ok": True, "vector": [1], "no": None},
            Document("m", "", "x", "", {"lang": "en", "n": "1.5", "ok": "true"}),
        ),
        ({"id": "n", "text": "a\r\nb\rc\0\ud800"}, Document("n", "", "a\nb\nc\ufffd")),
    ],
)
def test_fields_are_guessed_and_texts_normalised(tmp_path, record, document):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(record).encode() + b"\r\n")
    assert read(path) == [document]


def test_dpr_passages(tmp_path):
    path = tmp_path / "psgs_w100.tsv.gz"
    text = 'id\ttext\ttitle\n1\t"Aaron ""the"" prophet"\tAaron\n2\t"and more"\t"A ""B"""\n'
    path.write_bytes(gzip.compress(text.encode()))
    expected = [Document("1", "Aaron", 'Aaron "the" prophet'), Document("2", 'A "B"', "and more")]
    assert read(path) == read(path, format="dpr") == expected


def test_wikiextractor_folders(tmp_path):
    blocks = (
        '<doc id="12" url="https://w/?curid=12" title="A "B" &amp; C">\nA "B" &amp; C\n\n'
        "Text &lt;here&gt;.\n\nMore.\n</doc>\n"
        '<doc id="13" revid="9" url="u13" title="T">\nT\n\nWords.\n</doc>\n'
    )
    rows = [{"id": "14", "revid": "1", "url": "u14", "title": "J", "text": "Json."}]
    (tmp_path / "AB").mkdir()
    (tmp_path / "AA").mkdir()
    (tmp_path / "AB" / "wiki_00").write_text(json.dumps(rows[0]) + "\n")
    (tmp_path / "AA" / "wiki_01.bz2").write_bytes(bz2.compress(b""))
    (tmp_path / "AA" / "wiki_00").write_text(blocks)
    expected = [
        Document("12", 'A "B" & C', "Text <here>.\n\nMore.", "https://w/?curid=12"),
        Document("13", "T", "Words.", "u13"),
        Document("14", "J", "Json.", "u14", {"revid": "1"}),
    ]
    assert read(tmp_path) == expected
    assert read(tmp_path, format="wikiextractor") == expected


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("version_first", [True, False])
def test_squad_contexts_come_once(tmp_path, indent, version_first):
    qas = [{"id": "q", "question": 'Why "[{"?', "answers": [{"text": "x", "answer_start": 0}]}]
    data = [
        {"title": "Beyonc%C3%A9_Knowles", "paragraphs": [{"context": "One.", "qas": qas}] * 2},
        {"title": "", "paragraphs": [{"context": "One."}, {"context": 'Two "]}" \\'}]},
    ]
    whole = {"version": "2.0", "data": data} if version_first else {"data": data, "version": "1"}
    path = tmp_path / "dev-v2.0.json.xz"
    path.write_bytes(lzma.compress(json.dumps(whole, indent=indent).encode()))
    assert read(path) == [
        Document("dev-v2.0.json#1.1", "Beyoncé Knowles", "One."),
        Document("dev-v2.0.json#2.2", "", 'Two "]}" \\'),
    ]


def test_the_order_is_that_of_sorted_paths_and_hidden_files_are_left_out(tmp_path):
    names = ["b.txt", "a/z.txt", "a/b/c.txt", "a.txt", ".git/x.txt", ".hidden.txt", "logo.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    problems = Problems()
    found = [document.id for document in read(tmp_path, problems=problems)]
    assert found == ["a/b/c.txt", "a/z.txt", "a.txt", "b.txt"]
    assert problems.counts == {"file of unknown type": 1}
    assert [
        document.id for document in read(tmp_path, tmp_path / "b.txt", problems=Problems())
    ] == (found)
    read(tmp_path)  # a file of unknown type is no reason to stop


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


CELLS = st.text(st.sampled_from('ab"\n ,;\t|é世'), min_size=1, max_size=12).map("x{}x".format)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8), st.sampled_from(",\t;|"))
def test_delimited_files_hold_what_the_csv_module_wrote(tmp_path_factory, rows, delimiter):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["title", "text"])
        writer.writerows(rows)
    found = [(document.title, document.text) for document in read(path)]
    assert found == rows


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


def test_the_bytes_read_add_up_to_the_size(tmp_path):
    for name, make in FILES.items():
        (tmp_path / name).write_bytes(make())
    (tmp_path / "big.jsonl.gz").write_bytes(gzip.compress(as_jsonl() * 1000))
    counts: list[int] = []
    list(read_documents([tmp_path], CorpusOptions(), Problems(), counts.append))
    assert sum(counts) == corpus_size([tmp_path])
    assert corpus_size(["hf:some/name"]) is None


@pytest.mark.parametrize("name", ["big.json", "big.squad.json", "big.csv", "big.jsonl"])
def test_large_files_do_not_sit_in_memory(tmp_path, name):
    text = "word " * 1000
    path = tmp_path / name
    rows = 6000
    with path.open("w") as file:
        if name == "big.json":
            file.write("[")
            file.writelines(f'{{"id": {n}, "text": "{text}"}},\n' for n in range(rows))
            file.write('{"id": "last", "text": "x"}]')
        elif name == "big.squad.json":
            file.write('{"version": "1", "data": [')
            file.writelines(
                f'{{"title": "t", "paragraphs": [{{"context": "{n} {text}"}}]}},'
                for n in range(rows)
            )
            file.write('{"title": "t", "paragraphs": [{"context": "x"}]}]}')
        elif name == "big.csv":
            file.write("id,text\n")
            file.writelines(f"{n},{text}\n" for n in range(rows))
        else:
            file.writelines(f'{{"id": {n}, "text": "{text}"}}\n' for n in range(rows))
    tracemalloc.start()
    count = sum(1 for _ in read_documents([path], CorpusOptions(), Problems(strict=True)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count >= rows
    assert path.stat().st_size > 25e6
    assert peak < 12e6


def saved_dataset(folder: Path, parts: list[list[dict[str, str]]]) -> None:
    """Write the layout of `datasets`' save_to_disk."""
    folder.mkdir(parents=True)
    files = [f"data-{n:05}-of-{len(parts):05}.arrow" for n in range(len(parts))]
    for name, rows in zip(files, parts, strict=True):
        table = pa.Table.from_pylist(rows)
        with pa.ipc.new_stream(str(folder / name), table.schema) as writer:
            writer.write_table(table)
    (folder / "state.json").write_text(
        json.dumps({"_data_files": [{"filename": name} for name in files]})
    )
    (folder / "dataset_info.json").write_text("{}")


def test_saved_data_sets(tmp_path):
    saved_dataset(tmp_path / "one", [RECORDS[:1], RECORDS[1:]])
    assert read(tmp_path / "one") == read(f"hf:{tmp_path / 'one'}") == DOCUMENTS
    both = tmp_path / "both"
    saved_dataset(both / "train", [RECORDS[1:]])
    saved_dataset(both / "test", [RECORDS[:1]])
    (both / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert read(both) == DOCUMENTS[::-1]
    assert read(f"hf:{both}::test") == DOCUMENTS[:1]
    with pytest.raises(InputError, match="no split 'dev'; it has train, test"):
        read(f"hf:{both}::dev")


def test_the_real_save_to_disk(tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_list(RECORDS).save_to_disk(tmp_path / "saved", num_shards=2)
    assert read(tmp_path / "saved") == DOCUMENTS


def test_hub_data_sets_are_streamed(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    (tmp_path / "train.parquet").write_bytes(as_parquet())
    asked = []

    def load_dataset(name, config, *, split, streaming):
        asked.append((name, config, split, streaming))
        return real("parquet", data_files=str(tmp_path / "train.parquet"), streaming=True)

    real = datasets.load_dataset
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert read("hf:owner/name:en:train") == DOCUMENTS
    assert asked == [("owner/name", "en", "train", True)]

    def fail(*args, **kwargs):
        raise ConnectionError("no way to the hub\nmore")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(InputError, match="Cannot load the data set hf:owner/name: no way"):
        read("hf:owner/name")
    with pytest.raises(InputError, match="hf:NAME:CONFIG:SPLIT"):
        read("hf:")


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


def test_prefixed_ids_keep_sources_that_count_alike_apart(tmp_path):
    sources = [tmp_path / "simple.wiki.jsonl", tmp_path / "english.jsonl.gz", tmp_path / "notes"]
    sources[0].write_bytes(as_jsonl())
    sources[1].write_bytes(gzip.compress(as_jsonl()))
    sources[2].mkdir()
    (sources[2] / "a.txt").write_text("Some text.")
    problems = Problems()
    assert [d.id for d in read(*sources, problems=problems)] == ["1", "2", "a.txt"]
    assert problems.counts["duplicate id"] == 2
    found = read(*sources, prefix_ids=True)
    assert [document.id for document in found] == [
        "simple.wiki/1", "simple.wiki/2", "english/1", "english/2", "notes/a.txt"
    ]  # fmt: skip
    assert found[0].text == RECORDS[0]["text"]
