"""Development splits: whole documents, never a question of a document that is trained on."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.load import default_folder
from reader.features import Pieces, ReaderTokenizer
from reader.held_out import load_sets, split_by_document
from reader.train_settings import TrainSettings
from reader.training_data import Context, Example, TrainingSet

TOKENIZER = ReaderTokenizer.from_folder(default_folder())
NONE = Pieces(*(np.empty(0, dtype=np.int32) for _ in range(4)), np.empty(0, dtype=np.bool_))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 5)), min_size=1, max_size=40),
    st.sampled_from([0.1, 0.2, 0.5]),
    st.integers(0, 99),
)
def test_documents_are_whole_on_one_side(paragraphs, share, seed):
    contexts = [Context("", "", NONE, document) for document, _ in paragraphs]
    examples = [
        Example(f"{n}.{i}", "", n, ("x",), ())
        for n, (_, count) in enumerate(paragraphs)
        for i in range(count)
    ]
    train, held = split_by_document(TrainingSet(contexts, examples), share, seed)
    assert sorted(e.id for e in (*train.examples, *held.examples)) == sorted(e.id for e in examples)
    documents = {document for document, _ in paragraphs}

    def keys(data):
        if len(documents) > 1:
            return {contexts[e.context].document for e in data.examples}
        return {e.context for e in data.examples}

    assert not keys(train) & keys(held)
    if len(documents) > 1 or len(paragraphs) > 1:
        assert held.examples
        assert train.examples
    again = split_by_document(TrainingSet(contexts, examples), share, seed)
    assert again[1].examples == held.examples


def test_the_share_is_about_what_was_asked_for():
    contexts = [Context("", "", NONE, str(n // 3)) for n in range(300)]
    examples = [Example(str(n), "", n, ("x",), ()) for n in range(300)]
    _, held = split_by_document(TrainingSet(contexts, examples), 0.2, 1)
    assert len(held.examples) == pytest.approx(60, abs=3)


@pytest.fixture
def files(tmp_path):
    def paragraph(document, n):
        text = f"Paris {document}{n} is large."
        answer = {"text": "Paris", "answer_start": 0}
        return {
            "context": text,
            "qas": [
                {"id": f"{document}{n}", "question": f"What {document}{n}?", "answers": [answer]}
            ],
        }

    data = [
        {"title": title, "paragraphs": [paragraph(title, n) for n in range(3)]} for title in "ABCDE"
    ]
    plain = tmp_path / "train.json"
    plain.write_text(json.dumps({"data": data}))
    mined = tmp_path / "mined.jsonl"
    passages = [{"title": "Other", "text": "Paris is large.", "answers": [[0, 5]]}]
    lines = [
        json.dumps({"id": f"m{t}{n}", "question": f"what {t}{n}?", "passages": passages})
        for t in "ABCDE"
        for n in range(3)
    ]
    lines += [
        json.dumps(
            {"id": f"t{t}", "question": "Another?", "passages": [passages[0] | {"title": t}]}
        )
        for t in "ABCDE"
    ]
    mined.write_text("\n".join(lines))
    return str(plain), str(mined)


def test_mined_examples_of_what_is_held_out_are_left_out(files):
    config = TrainSettings("", files, whole_documents=True, development=0.2)
    train, mined, held = load_sets(config, TOKENIZER)
    titles = {held.contexts[e.context].title for e in held.examples}
    assert len(titles) == 1
    assert len(held.examples) == 3
    assert len(train.examples) == 12
    (title,) = titles
    assert {e.id[1] for e in mined.examples} == set("ABCDE") - {title}
    assert len(mined.examples) == 12 + 4


def test_a_development_file_leaves_training_whole(files, tmp_path):
    config = TrainSettings("", files[:1], development_file=files[0], development=0.2)
    train, _, held = load_sets(config, TOKENIZER)
    assert len(train.examples) == len(held.examples) == 15


def test_the_split_does_not_change_with_the_seed_of_training(files):
    first, second = (
        load_sets(
            TrainSettings("", files, whole_documents=True, seed=seed, development=0.4), TOKENIZER
        )
        for seed in (1, 2)
    )
    assert [e.id for e in first[2].examples] == [e.id for e in second[2].examples]
