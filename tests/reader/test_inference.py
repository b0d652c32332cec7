"""The reader against Hugging Face's own model, passage by passage, and on awkward input."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from indexing.documents import Passage
from indexing.errors import InputError
from reader.inference import ReadSettings, _free_place
from reader.load import load_reader

TEXTS = [
    "paris is the capital of france",
    "berlin is the capital of germany. it lies in the north-east",
    "",
    "nothing to see here " * 60,
]
QUESTIONS = ["what is the capital of france?", "which is the capital of germany?"]


def passages(texts):
    return [Passage(i, f"d{i}", "", text, 0, len(text)) for i, text in enumerate(texts)]


@pytest.fixture(scope="module")
def reader(tiny_bert):
    settings = ReadSettings(max_length=200, stride=40)
    return load_reader(tiny_bert, device="cpu", precision="fp32", settings=settings).reader


def test_scores_equal_a_plain_transformers_loop(tiny_bert, reader):
    import torch
    from transformers import AutoModelForQuestionAnswering, BertTokenizerFast

    model = AutoModelForQuestionAnswering.from_pretrained(tiny_bert).eval()
    tokenizer = BertTokenizerFast.from_pretrained(tiny_bert)
    texts = TEXTS[:2]
    starts, ends, offsets = [], [], []
    for text in texts:
        encoded = tokenizer(QUESTIONS[0], text, return_offsets_mapping=True, return_tensors="pt")
        inside = np.array(encoded.sequence_ids(0)) == 1
        pairs = encoded.pop("offset_mapping")[0].numpy()
        with torch.no_grad():
            out = model(**encoded)
        starts.append(out.start_logits[0].numpy()[inside])
        ends.append(out.end_logits[0].numpy()[inside])
        offsets.append(pairs[inside])
    start, end = np.concatenate(starts), np.concatenate(ends)
    start -= np.logaddexp.reduce(start)
    end -= np.logaddexp.reduce(end)
    first = {
        (p, int(pair[0])): start[sum(map(len, offsets[:p])) + i]
        for p, own in enumerate(offsets)
        for i, pair in enumerate(own)
    }
    last = {
        (p, int(pair[1])): end[sum(map(len, offsets[:p])) + i]
        for p, own in enumerate(offsets)
        for i, pair in enumerate(own)
    }
    spans = reader.read(QUESTIONS[:1], [passages(texts)])[0]
    assert spans
    for span in spans:
        key = span.passage.id
        assert span.start_logprob == pytest.approx(first[key, span.start], abs=1e-3)
        assert span.end_logprob == pytest.approx(last[key, span.end], abs=1e-3)


def test_a_batch_answers_like_single_questions(reader):
    own = [passages(TEXTS), passages(TEXTS[:2])]
    together = reader.read(QUESTIONS, own)
    for i, question in enumerate(QUESTIONS):
        alone = reader.read([question], [own[i]])[0]
        assert [(s.passage.id, s.start, s.end) for s in alone] == [
            (s.passage.id, s.start, s.end) for s in together[i]
        ]
        np.testing.assert_allclose(
            [s.start_logprob for s in alone], [s.start_logprob for s in together[i]], atol=1e-3
        )


def test_nothing_to_read(reader):
    assert reader.read([], []) == []
    assert reader.read(["?"], [[]]) == [[]]
    assert reader.read(["", "?"], [passages([""]), passages(["   "])]) == [[], []]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.text(max_size=400),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), max_size=4),
)
@example("", ["0_:_"])
def test_spans_are_exact_and_disjoint_in_any_script(reader, question, texts):
    for span in reader.read([question], [passages(texts)])[0]:
        assert 0 <= span.start < span.end <= len(span.passage.text)
        assert span.text == span.passage.text[span.start : span.end]
        assert span.start_logprob <= 1e-4
        assert span.relevance_logprob <= 0
    spans = reader.read([question], [passages(texts)])[0]
    for a in spans:
        for b in spans:
            if a is not b and a.passage.id == b.passage.id:
                assert a.end <= b.start or b.end <= a.start


def test_words_are_never_cut(reader):
    texts = ["unbelievable storytelling 12345 wörterbuch"]
    words = set(texts[0].split())
    for span in reader.read(["what is it?"], [passages(texts)])[0]:
        assert set(span.text.split()) <= words


@pytest.mark.parametrize("text", ["rene\u0301 was here", "ก\u0e33ี่"])
def test_a_letter_keeps_its_combining_marks(reader, text):
    spans = reader.read(["what is it?"], [passages([text])])[0]
    assert spans
    for span in spans:
        assert not unicodedata.category(text[span.end : span.end + 1] or " ").startswith("M")


def test_int8_and_fp32_agree_on_the_tiny_model(tiny_bert, reader):
    fast = load_reader(
        tiny_bert, device="cpu", precision="int8", settings=ReadSettings(max_length=200, stride=40)
    ).reader
    slow = reader.read(QUESTIONS, [passages(TEXTS)] * 2)
    for a, b in zip(fast.read(QUESTIONS, [passages(TEXTS)] * 2), slow, strict=True):
        wanted = {(s.passage.id, s.start, s.end): s.start_logprob + s.end_logprob for s in b}
        common = [s for s in a if (s.passage.id, s.start, s.end) in wanted]
        assert len(common) > len(b) / 2
        for s in common:
            score = s.start_logprob + s.end_logprob
            assert score == pytest.approx(wanted[s.passage.id, s.start, s.end], abs=2.0)


def test_unknown_reader_is_named():
    with pytest.raises(InputError, match="no-such-reader"):
        load_reader("no-such-reader")


def test_relevance_scores_are_the_models_own(tiny_bert, tmp_path):
    import shutil

    import torch
    from transformers import BertTokenizerFast

    from reader.model import load_model, save_model

    folder = tmp_path / "with-relevance"
    shutil.copytree(tiny_bert, folder)
    torch.manual_seed(2)
    model = load_model(tiny_bert).eval()
    save_model(model, tiny_bert, folder, half=False)
    reader = load_reader(folder, device="cpu", precision="fp32").reader
    found = reader.score(QUESTIONS, [passages(TEXTS[:3]), passages(TEXTS[1:2])])
    tokenizer = BertTokenizerFast.from_pretrained(tiny_bert)
    for question, texts, scores in zip(QUESTIONS, (TEXTS[:2], TEXTS[1:2]), found, strict=True):
        for text, score in zip(texts, scores, strict=False):
            with torch.no_grad():
                relevance = model(**tokenizer(question, text, return_tensors="pt"))[2].item()
            assert score == pytest.approx(relevance, abs=1e-4)
    assert found[0][2] == -np.inf
    spans = reader.read(QUESTIONS[:1], [passages(TEXTS[:2])])[0]
    for span in spans:
        logit = found[0][span.passage.id]
        assert span.relevance_logprob == pytest.approx(-np.logaddexp(0, -logit), abs=1e-4)
    assert reader.score([], []) == []


@pytest.mark.parametrize(
    ("taken", "place"),
    [([], (0, 15)), ([(0, 2)], (2, 15)), ([(15, 20)], (0, 15)), ([(4, 6)], None)],
)
def test_a_span_takes_the_marks_that_better_spans_leave(taken, place):
    assert _free_place("**Stop** button again", 2, 15, taken) == place
