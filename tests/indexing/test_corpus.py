"""Every kind of source becomes the same documents, in a fixed order and little memory."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.corpus import CorpusOptions, FieldNames, corpus_size, read_documents
from indexing.documents import Document
from indexing.problems import Problems
from tests.indexing.corpus_files import (
    COMPRESS,
    DOCUMENTS,
    FILES,
    RECORDS,
    as_jsonl,
    read,
)


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
