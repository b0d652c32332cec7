"""Answers read again: their rows, and their scores against a plain loop over the model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from encoder.bert import reader_head
from encoder.session import open_session
from indexing.documents import Passage
from reader.features import ReaderTokenizer
from reader.load import load_rescorer
from reader.model import load_model, save_model
from reader.ranking import Evidence
from reader.rescoring import RESCORER, MarkedReader, marked_row, read_again
from reader.spans import Span

WORDS = ["paris", "is", "the", "capital", "of", "france", "and", "berlin", "that", "of", "germany"]


def span(text, start, end, title=""):
    return Span(Passage(0, "d", title, text, 0, len(text)), start, end, -1.0, -1.0, -0.1)


@pytest.fixture(scope="module")
def tokenizer(tiny_bert):
    return ReaderTokenizer.from_folder(tiny_bert)


@given(st.data())
def test_the_answer_is_marked_wherever_it_stands(tokenizer, data):
    words = data.draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=150))
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, min(len(words) - 1, first + 120)))
    text = " ".join(words)
    start = len(" ".join(words[:first])) + (first > 0)
    answer = " ".join(words[first : last + 1])
    own = span(text, start, start + len(answer), "france")
    (pieces,) = tokenizer.passages([text])
    row = marked_row(tokenizer, "what is the capital?", own, pieces)
    (wanted,) = tokenizer.passages([answer])
    assert row.ids[row.first : row.last + 1].tolist() == wanted.ids.tolist()
    head = tokenizer.head(tokenizer.question("what is the capital?"), tokenizer.title("france"))
    assert row.ids[: len(head)].tolist() == head.tolist()
    assert row.ids[-1] == tokenizer.sep
    inside = row.ids[len(head) : -1]
    assert len(inside) == min(len(pieces), max(80, len(wanted)))
    marked = np.flatnonzero(row.segments[len(head) :] == 0) + len(head)
    assert marked.tolist() == list(range(row.first, row.last + 1))


def test_scores_are_those_of_a_loop_over_the_model(tiny_bert, tokenizer, tmp_path):
    torch.manual_seed(3)
    save_model(load_model(tiny_bert), tiny_bert, tmp_path / "again", half=False)
    model = load_model(tmp_path / "again").eval()
    text = " ".join(WORDS)
    spans = [
        [span(text, 0, 5), span(text, 33, 39, "berlin")],
        [],
        [span("france is the capital", 0, 6)],
    ]
    questions = ["what is the capital of germany?", "what?", "which is the capital?"]
    session = open_session(tmp_path / "again", reader_head, "cpu", "fp32")
    found = MarkedReader(tokenizer, session).rescore(questions, spans)
    assert [len(own) for own in found] == [2, 0, 1]
    for question, own, scores in zip(questions, spans, found, strict=True):
        for one, score in zip(own, scores, strict=True):
            row = marked_row(tokenizer, question, one, tokenizer.passages([one.passage.text])[0])
            ids, segments = (
                torch.tensor(part[None].astype(np.int64)) for part in (row.ids, row.segments)
            )
            with torch.inference_mode():
                start, end, relevance = model(ids, segments, torch.ones_like(ids))
            expected = start[0, row.first] + end[0, row.last] + relevance[0]
            assert score == pytest.approx(float(expected), abs=1e-3)


class Lengths:
    """Scores an answer by its length."""

    def rescore(self, questions, spans):
        return [[float(one.end - one.start) for one in own] for own in spans]


def test_the_first_answers_are_read_again_each_by_its_best_span():
    text = " ".join(WORDS)
    own = [Evidence((span(text, 0, n), span(text, 0, 20)), -float(n), ()) for n in range(1, 8)]
    assert read_again(["what?", "what?"], [own, []], Lengths()) == [[1, 2, 3, 4, 5], []]


def test_a_reader_brings_the_rescorer_of_its_folder(tiny_bert, tmp_path):
    folder = tmp_path / "reader"
    torch.manual_seed(3)
    model = load_model(tiny_bert)
    save_model(model, tiny_bert, folder, half=False)
    assert load_rescorer(folder, "cpu", "fp32") is None
    save_model(model, tiny_bert, folder / RESCORER, half=False)
    assert load_rescorer(folder, "cpu", "fp32") is not None
