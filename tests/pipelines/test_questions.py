from __future__ import annotations

import bz2
import gzip
import json
import lzma
import subprocess
import sys

import pyarrow as pa
import pytest

from indexing.errors import InputError, QAError
from pipelines.question_records import read_records
from pipelines.questions import Question, load_questions, load_reading

LINES = [
    {"question": "who wrote it", "answer": ["Bob Scott", "Bob Russell", "Bob Scott"]},
    {"id": "x1", "question": " where is it ", "answer": "Rome"},
    {"question": "when was it", "answers": ["1969"]},
]
WANTED = [
    Question("0", "who wrote it", ("Bob Scott", "Bob Russell")),
    Question("x1", "where is it", ("Rome",)),
    Question("2", "when was it", ("1969",)),
]
SQUAD = {
    "version": "1.1",
    "data": [
        {
            "title": "Rome",
            "paragraphs": [
                {
                    "context": "Rome is old.",
                    "qas": [
                        {
                            "id": "q1",
                            "question": "What is old?",
                            "answers": [
                                {"text": "Rome", "answer_start": 0},
                                {"text": "Rome", "answer_start": 0},
                            ],
                        }
                    ],
                }
            ],
        }
    ],
}
IMPOSSIBLE = {"id": "q2", "question": "What is new?", "is_impossible": True, "answers": []}


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def squad2():
    data = json.loads(json.dumps(SQUAD))
    qas = data["data"][0]["paragraphs"][0]["qas"]
    qas[0]["is_impossible"] = False
    qas.append(IMPOSSIBLE | {"plausible_answers": [{"text": "Rome", "answer_start": 0}]})
    return data


def zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(data)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("name", ["q.jsonl", "q", "q.txt"])
def test_json_lines(tmp_path, name):
    file = tmp_path / name
    file.write_bytes(b"\xef\xbb\xbf\n" + jsonl(LINES) + b"\n")
    assert load_questions(file) == WANTED


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zstd)],
)
def test_compressed(tmp_path, suffix, compress):
    lines = tmp_path / f"q.jsonl{suffix}"
    lines.write_bytes(compress(jsonl(LINES)))
    assert load_questions(lines) == WANTED
    squad = tmp_path / f"s.json{suffix}"
    squad.write_bytes(compress(json.dumps(SQUAD).encode()))
    assert load_reading(squad).examples[0].id == "q1"


@pytest.mark.parametrize("indent", [None, 1])
def test_squad_json_as_open_questions(tmp_path, indent):
    file = tmp_path / "squad.json"
    file.write_text(json.dumps(squad2(), indent=indent))
    assert load_questions(file) == [Question("q1", "What is old?", ("Rome",))]


def test_reading_versions(tmp_path):
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    first.write_text(json.dumps(SQUAD))
    second.write_text(json.dumps(squad2()))
    one, two = load_reading(first), load_reading(str(second))
    assert (one.version, two.version) == ("1.1", "2.0")
    assert one.examples[0].answers == ("Rome", "Rome")  # repeats are harmless, and kept
    assert [example.answers for example in two.examples] == [("Rome", "Rome"), ()]
    assert {example.context for example in two.examples} == {"Rome is old."}


def test_repeated_ids_stay_apart(tmp_path):
    data = json.loads(json.dumps(SQUAD))
    paragraph = data["data"][0]["paragraphs"][0]
    paragraph["qas"] *= 3
    file = tmp_path / "s.json"
    file.write_text(json.dumps(data))
    assert [e.id for e in load_reading(file).examples] == ["q1", "q1#2", "q1#3"]


DPR = (
    "who wrote it\t['Bob Scott', \"Bob's\"]\n"
    'where is it\t["Rome"]\n'
    '"the ""moon"" landing"\t"[\'1969\', ""July 1969""]"\n'
)


@pytest.mark.parametrize("name", ["q.csv", "q.tsv", "q.qa"])
def test_dpr_tables(tmp_path, name):
    file = tmp_path / name
    file.write_text(DPR)
    assert load_questions(file) == [
        Question("0", "who wrote it", ("Bob Scott", "Bob's")),
        Question("1", "where is it", ("Rome",)),
        Question("2", 'the "moon" landing', ("1969", "July 1969")),
    ]


def test_comma_table_with_a_header(tmp_path):
    file = tmp_path / "q.csv"
    file.write_text("ID,Answers,Question\n7,\"['a', 'b']\",which\n8,one only,\"what, then\"\n")
    assert load_questions(file) == [
        Question("7", "which", ("a", "b")),
        Question("8", "what, then", ("one only",)),
    ]


def test_json_array_of_records(tmp_path):
    file = tmp_path / "q.json"
    file.write_text(json.dumps(LINES, indent=1))
    assert load_questions(file) == WANTED


BAD_LINES = [
    ("q.jsonl", '{"question": "a", "answer": "b"}\n{"question": "a"\n', "q.jsonl:2: this line is"),
    ("q.jsonl", '\n["a"]\n', "q.jsonl:2: here must be a JSON object"),
    ("q.jsonl", '{"answer": "b"}\n', "q.jsonl:1: 'question' is missing"),
    ("q.jsonl", '{"question": " ", "answer": "b"}\n', "q.jsonl:1: 'question' is missing"),
    ("q.jsonl", '{"question": "a"}\n', "q.jsonl:1: 'answer'"),
    ("q.jsonl", '{"question": "a", "answer": [1]}\n', "q.jsonl:1: 'answer'"),
    ("q.jsonl", '{"question": "a", "answer": null}\n', "q.jsonl:1: 'answer'"),
    ("q.jsonl", "", "holds no question"),
    ("q.jsonl", '{"question": "a", "answer": []}\n', "holds no question with an answer"),
    ("q.tsv", "a\t['x']\nb\t['x'\n", "q.tsv:2: .* is not a list of answers"),
    ("q.tsv", "a\t[__import__('os').getcwd()]\n", "q.tsv:1: .* is not a list of answers"),
    ("q.tsv", "a\t[1, 2]\n", "q.tsv:1: 'answer'"),
    ("q.tsv", f"a\t{'[' * 5000}\n", "q.tsv:1: .* is not a list of answers"),
    ("q.tsv", "a\t['x']\nb\n", "q.tsv:2: this row has 1 of 2 columns"),
    ("q.json", '{"data":\n[}', "q.json:2: this is not JSON"),
    ("q.json", "[" * 200_000, "q.json: this JSON is nested too deeply"),
    ("q.json", '{"dada":\n[]}', "q.json: 'data' must be a list"),
    ("q.json", '{"data": [{"paragraphs": {}}]}', r"q.json: data\[0\].paragraphs must be a list"),
    (
        "q.json",
        '{"data": [{"paragraphs": [{"context": "c", "qas": [3]}]}]}',
        r"q.json: data\[0\].paragraphs\[0\].qas\[0\]: here must be",
    ),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_LINES)
def test_bad_files_are_named_with_their_line(tmp_path, name, content, message):
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(InputError, match=message):
        load_questions(file)


def test_questions_that_nothing_answers_are_loaded_only_if_wanted(tmp_path):
    file = tmp_path / "q.jsonl"
    rows = [
        {"question": "a", "answer": ["x"]},
        {"question": "b", "answer": []},
        {"question": "c", "answer": [" "]},  # a slip, not a statement
        {"question": "d", "answers": {"text": [], "answer_start": []}, "context": "its paragraph"},
    ]
    file.write_bytes(jsonl(rows))
    assert [question.text for question in load_questions(file)] == ["a"]
    wanted = load_questions(file, unanswerable=True)
    assert [(q.text, q.answers) for q in wanted] == [("a", ("x",)), ("b", ())]
    table = tmp_path / "q.tsv"
    table.write_text("a\t['x']\nb\t[]\n")
    assert [q.answers for q in load_questions(table, unanswerable=True)] == [("x",), ()]


def test_bad_bytes_are_named_with_their_line(tmp_path):
    file = tmp_path / "q.jsonl"
    file.write_bytes(jsonl(LINES) + b'{"question": "\xff"}\n')
    with pytest.raises(InputError, match=r"q\.jsonl:4: this is not UTF-8"):
        load_questions(file)
    cut = tmp_path / "q.jsonl.gz"
    cut.write_bytes(gzip.compress(jsonl(LINES) * 50)[:-20])
    with pytest.raises(InputError, match=r"q\.jsonl\.gz:\d+: damaged archive"):
        load_questions(cut)


def test_lone_surrogates_are_replaced_and_offsets_stay(tmp_path):
    file = tmp_path / "q.jsonl"
    row = {"id": "\ud800", "question": "q\udcff?", "answer": ["\udfff"], "context": "a\r\n\ud800b"}
    file.write_text(json.dumps(row))
    ((_, record),) = read_records(file)
    assert record == {
        "id": "\ufffd", "question": "q\ufffd?", "answer": ["\ufffd"], "context": "a\r\n\ufffdb",
    }  # fmt: skip


def test_withheld_answers_are_no_answers_to_score_by(tmp_path):
    file = tmp_path / "dev.jsonl"
    row = {"question": "q", "context": "c", "answers": [{"text": "", "answer_start": 0}]}
    given = {**row, "answers": [{"text": "c", "answer_start": 0}]}
    file.write_text(json.dumps(given) + "\n" + json.dumps(row) + "\n")
    with pytest.raises(InputError, match=r"dev\.jsonl:2: the answers are empty texts"):
        load_reading(file)
    file.write_text(json.dumps({**row, "is_impossible": True}) + "\n")
    assert load_reading(file).examples[0].answers == ()


def test_reading_needs_contexts(tmp_path):
    file = tmp_path / "q.jsonl"
    file.write_bytes(jsonl(LINES))
    with pytest.raises(InputError, match=r"q\.jsonl:1: 'context' is missing"):
        load_reading(file)


def test_a_missing_file_names_what_there_is():
    with pytest.raises(InputError, match=r"no such question file.*nq_open"):
        load_questions("no/such/file.jsonl")


HUB_ROWS = {
    "nq_open": [{"question": "who wrote it", "answer": ["Bob", "Rob"]}],
    "web_questions": [{"url": "u", "question": "who wrote it", "answers": ["Bob", "Rob"]}],
    "squad": [
        {
            "id": "0",
            "title": "t",
            "context": "Bob or Rob.",
            "question": "who wrote it",
            "answers": {"text": ["Bob", "Rob"], "answer_start": [0, 7]},
        }
    ],
    "trivia_qa": [
        {
            "question": "who wrote it",
            "question_id": "0",
            "answer": {"value": "Bob", "aliases": ["Rob"], "normalized_aliases": ["rob"]},
        }
    ],
}


@pytest.mark.parametrize("name", list(HUB_ROWS))
@pytest.mark.parametrize("saved", [True, False])
def test_folders_of_the_hubs_schemas(tmp_path, monkeypatch, name, saved):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / name
    rows = datasets.Dataset.from_list(HUB_ROWS[name])
    other = datasets.Dataset.from_list([{**HUB_ROWS[name][0], "question": "another split"}])
    if saved:
        datasets.DatasetDict(train=other, validation=rows).save_to_disk(folder)
    else:
        folder.mkdir()
        rows.to_parquet(folder / "validation-00000-of-00001.parquet")
        other.to_parquet(folder / "train-00000-of-00001.parquet")
    assert load_questions(folder) == [Question("0", "who wrote it", ("Bob", "Rob"))]
    if name == "squad":
        reading = load_reading(folder)
        assert reading.version == "1.1"
        assert reading.examples[0].context == "Bob or Rob."


def test_squad_v2_rows(tmp_path):
    datasets = pytest.importorskip("datasets")
    rows = [{**HUB_ROWS["squad"][0], "id": str(i)} for i in range(2)]
    rows[1]["answers"] = {"text": [], "answer_start": []}
    datasets.Dataset.from_list(rows).save_to_disk(tmp_path / "v2")
    assert load_reading(tmp_path / "v2").version == "2.0"
    assert len(load_questions(tmp_path / "v2")) == 1


def test_a_folder_without_data_is_named(tmp_path):
    pytest.importorskip("datasets")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty is not a data set"):
        load_questions(tmp_path / "empty")


def test_hub_names_need_datasets(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(QAError, match=r"pip install 'spanqa\[formats\]'"):
        load_questions("nq_open")


def test_hub_names_load_the_split_that_papers_report(monkeypatch):
    asked = []

    class FakeDatasets:
        @staticmethod
        def load_dataset(name, config, split, streaming):
            asked.append((name, config, split, streaming))
            return iter(HUB_ROWS["nq_open"])

    monkeypatch.setitem(sys.modules, "datasets", FakeDatasets)
    for name in ["nq_open", "trivia_qa", "hf:some/set", "hf:some/set:conf:test"]:
        assert len(load_questions(name)) == 1
    assert asked == [
        ("nq_open", None, "validation", True),
        ("trivia_qa", "rc.nocontext", "validation", True),
        ("some/set", None, "validation", True),
        ("some/set", "conf", "test", True),
    ]


def test_evaluation_imports_are_light():
    code = (
        "import sys, pipelines.questions, pipelines.evaluate\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pandas', 'faiss', 'pyarrow', 'openvino'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
