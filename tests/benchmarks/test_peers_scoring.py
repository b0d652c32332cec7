import pytest

from benchmarks.peers.inputs import choose_passages, choose_questions, spread, write_lines
from benchmarks.peers.machine import describe
from benchmarks.peers.scoring import agreement, open_quality, open_row, reading_row
from pipelines.questions import Question

QUESTIONS = [Question("1", "Who?", ("Ada Lovelace",)), Question("2", "When?", ("1815", "in 1815"))]
PASSAGES = {
    "a": {"id": "a", "title": "1815", "text": "She was Ada Lovelace."},
    "b": {"id": "b", "title": "Ada Lovelace", "text": "Born long ago."},
}
ASKED = [
    {"answer": "the Ada Lovelace", "passages": ["b", "a"]},
    {"answer": "about 1815", "passages": ["b", "a"]},
]


def test_quality_of_answers_and_passages():
    quality = open_quality(QUESTIONS, ASKED, PASSAGES, top_k=2)
    assert quality.recall == [1.0, 0.0]  # titles are not searched
    assert quality.exact_match == [1.0, 0.0]
    assert quality.f1 == pytest.approx([1.0, 2 / 3])
    assert open_quality(QUESTIONS, ASKED, PASSAGES, top_k=1).recall == [0.0, 0.0]


def test_row_of_a_system():
    quality = open_quality(QUESTIONS, ASKED, PASSAGES, top_k=2)
    raw = {
        "build": {"process_seconds": 3.0, "peak_memory": 5},
        "disk": 7,
        "cold": [{"process_seconds": seconds} for seconds in (1.0, 9.0, 2.0)],
        "ask": {
            "seconds": [0.1, 0.3],
            "asked": ASKED,
            "batch_seconds": 0.5,
            "batch_answers": ["Ada Lovelace", "1815"],
            "peak_memory": 11,
        },
    }
    row = open_row(raw, quality, quality)
    assert (row["build_seconds"], row["disk"], row["cold_ms"]) == (3.0, 7, 2000.0)
    assert row["p50_ms"] == pytest.approx(200)
    assert row["questions_per_second"] == 4.0
    assert row["batch_agrees"] == 50.0
    assert (row["recall"], row["exact_match"], row["f1"]) == (50.0, 50.0, pytest.approx(250 / 3))
    assert row["against"]["f1"] == [0.0, 0.0, 0.0]


def test_row_of_a_reader():
    raw = {"seconds": 0.5, "answers": [["1815", ""], ["Ada"]], "peak_memory": 3}
    row = reading_row(raw, ["in 1815", "", "Ada"], [["1815"], ["x"], ["ada"]])
    assert row["passages_per_second"] == 6.0
    assert row["agreement"] == pytest.approx(200 / 3)
    assert row["exact_match"] == pytest.approx(200 / 3)
    assert reading_row(raw, None, None).keys() == {"passages_per_second", "n", "memory"}
    assert agreement(["The end."], ["end"]) == 100


def test_spread_is_even():
    assert spread(range(10), 3) == [0, 3, 6]
    assert spread([1, 2], 5) == spread([1, 2], None) == [1, 2]


def test_passages_of_answering_documents_come_first(tmp_path):
    corpus = [{"id": str(i), "title": f"t{i}", "text": "word " * 150} for i in range(4)]
    asked = [{"id": "q", "question": "What?", "answer": ["word"], "document_id": "3"}]
    questions, named = choose_questions(write_lines(tmp_path / "q.jsonl", asked), 5)
    assert [question.text for question in questions] == ["What?"]
    found = choose_passages(write_lines(tmp_path / "corpus.jsonl", corpus), 3, named)
    assert list(found) == ["3:0", "3:500", "0:0"]
    assert len(found["3:500"]["text"].split()) == 50
    assert found["0:0"]["title"] == "t0"


def test_machine(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Great CPU\nflags\t\t: sse avx2 fma\n")
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       8388608 kB\n")
    found = describe(cpuinfo, meminfo)
    assert found["processor"] == "Great CPU"
    assert found["memory"] == "8 GiB"
    assert found["matrix instructions"].startswith("avx2, no 8-bit dot product")
    cpuinfo.write_text("flags : avx2 avx512_vnni amx_bf16\n")
    assert "no " not in describe(cpuinfo, meminfo)["matrix instructions"]
