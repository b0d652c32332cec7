"""QuestionAnswering with a fake retriever's index and a fake reader: the parts it adds itself."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from indexing.build import build_index
from indexing.errors import InputError
from indexing.index import Index
from pipelines.ask import QuestionAnswering
from reader.calibration import UNCALIBRATED
from reader.spans import Span
from retriever.bm25 import BM25Retriever

TEXT = (
    "Dr. Alexander Fleming, a Scottish doctor " + "of many interests and habits " * 25 + "found "
    "penicillin in 1928. " + "It saved lives. " * 40
)


class WordReader:
    """Finds one word; wider passages make no difference."""

    def __init__(self, word):
        self.word = word

    def read(self, questions, passages):
        return [
            [
                Span(
                    p, p.text.index(self.word), p.text.index(self.word) + len(self.word), -1, -1, 0
                )
                for p in own
                if self.word in p.text
            ]
            for own in passages
        ]


@pytest.fixture
def index(tmp_path):
    file = tmp_path / "fleming.txt"
    file.write_text(TEXT)
    build_index([file], tmp_path / "index")
    with Index.open(tmp_path / "index") as opened:
        yield opened


@pytest.fixture
def qa(index):
    return QuestionAnswering(index, BM25Retriever(index), WordReader("penicillin"), UNCALIBRATED)


def test_citation_is_in_the_document_with_its_whole_sentence(qa):
    answer = qa.ask("who found penicillin?", min_probability=0).answers[0]
    citation = answer.citations[0]
    assert TEXT[citation.start : citation.end] == answer.text == "penicillin"
    # The sentence begins in the passage before.
    assert citation.sentence.startswith("Dr. Alexander Fleming")
    assert citation.sentence.endswith("1928.")
    first = citation.sentence_start
    assert TEXT[first : first + len(citation.sentence)] == citation.sentence


def test_offsets_count_the_text_as_python_opens_it(tmp_path):
    file = tmp_path / "dos.txt"
    file.write_bytes("\ufeffOne.\r\nTwo.\rThree found penicillin.\r\n".encode())
    build_index([file], tmp_path / "index")
    with Index.open(tmp_path / "index") as index:
        reader = WordReader("penicillin")
        qa = QuestionAnswering(index, BM25Retriever(index), reader, UNCALIBRATED)
        citation = qa.ask("who found penicillin?", min_probability=0).answers[0].citations[0]
    text = file.read_text(encoding="utf-8-sig")
    assert text[citation.start : citation.end] == "penicillin"


class WordsReader:
    """Finds two words, the first one rather."""

    words = ("penicillin", "Scottish")

    def read(self, questions, passages):
        found = [WordReader(word).read(questions, passages) for word in self.words]
        return [
            [*first, *(replace(span, start_logprob=-2.0) for span in second)]
            for first, second in zip(*found, strict=True)
        ]

    def read_at_depths(self, questions, passages, depths):
        found = [self.read(questions, [own[:depth] for own in passages]) for depth in depths]
        return [dict(zip(depths, own, strict=True)) for own in zip(*found, strict=True)]


class Capitals:
    """Prefers answers that begin with a capital."""

    def rescore(self, questions, spans):
        return [[5.0 * span.text[0].isupper() for span in own] for own in spans]


def test_what_is_read_again_decides(index):
    found = {}
    for rescorer in (None, Capitals()):
        qa = QuestionAnswering(
            index, BM25Retriever(index), WordsReader(), UNCALIBRATED, rescorer=rescorer
        )
        (result,) = qa.ask_batch(["a Scottish doctor found penicillin?"], min_probability=0)
        texts = [answer.text for answer in result.answers]
        (depths,) = qa.ask_depths(["a Scottish doctor found penicillin?"], [3, 20])
        assert [answer.text for answer in depths[20].answers] == texts
        found[rescorer] = texts
    first, second = found.values()
    assert first == ["penicillin", "Scottish"]
    assert second == ["Scottish", "penicillin"]


def test_threads_get_the_answers_that_one_thread_gets(qa):
    alone = qa.ask("who found penicillin?", min_probability=0)
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(qa.ask("who found penicillin?", min_probability=0))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r.answers for r in results] == [alone.answers] * 8


def test_batches_and_abstention(qa):
    assert qa.ask_batch([]) == []
    both = qa.ask_batch(["who found penicillin?", ""], min_probability=0)
    assert both[0].answers
    assert not both[1].answers
    assert not both[1].hits
    assert qa.ask("who found penicillin?", min_probability=1.0).answers == ()
    with pytest.raises(InputError, match="top-k"):
        qa.ask("x", top_k=0)
