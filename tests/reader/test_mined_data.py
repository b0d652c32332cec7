"""Mined files as training examples."""

from __future__ import annotations

import json

import numpy as np
import pytest

from encoder.load import default_folder
from indexing.errors import InputError
from reader.batches import Drawn, collate, question_rows
from reader.features import ReaderTokenizer
from reader.mined_data import load_mined, load_training
from reader.train_settings import BatchSettings
from reader.training_data import joined

TOKENIZER = ReaderTokenizer.from_folder(default_folder())
PASSAGES = [
    {
        "title": "Paris",
        "text": "Paris is old; Paris is the capital.",
        "answers": [[0, 5], [14, 19]],
    },
    {"title": "Seine", "text": "The Seine flows through Paris.", "answers": [[24, 29]]},
    {"title": "Rome", "text": "Rome is the capital of Italy.", "answers": []},
    {"title": "Tiber", "text": "The Tiber is a river.", "answers": []},
    {"title": "Oslo", "text": "Oslo is the capital of Norway.", "answers": []},
]


@pytest.fixture
def mined(tmp_path):
    file = tmp_path / "mined.jsonl"
    records = [
        {"id": "a", "question": "What is the capital of France?", "passages": PASSAGES},
        {"id": "b", "question": "What flows through Paris?", "passages": PASSAGES[1:3]},
    ]
    file.write_text("\n".join(map(json.dumps, records)))
    return file


def test_every_occurrence_is_a_range_and_shared_passages_are_kept_once(mined):
    data = load_mined([mined], TOKENIZER)
    assert len(data.contexts) == len(PASSAGES)
    example = data.examples[0]
    for number, ranges in example.positives:
        context = data.contexts[number]
        for first, last in ranges:
            start, end = context.pieces.starts[first], context.pieces.ends[last]
            assert context.text[start:end] == "Paris"
    assert [len(ranges) for _, ranges in example.positives] == [2, 1]
    assert [data.contexts[n].title for n in example.negatives] == ["Rome", "Tiber", "Oslo"]


def test_a_batch_holds_one_positive_and_the_negatives(mined):
    data = load_mined([mined], TOKENIZER)
    settings = BatchSettings(passages=3, crop_rate=0.0, title_rate=1.0)
    seen = set()
    for seed in range(20):
        rows = question_rows(data.examples[0], data, settings, np.random.default_rng(seed))
        assert [bool(row.ranges) for row in rows] == [True, False, False]
        assert len({row.title for row in rows}) == 3
        seen.add(rows[0].title)
    assert seen == {"Paris", "Seine"}
    question = TOKENIZER.question(data.examples[0].question)
    batch = collate([Drawn(question, rows)], TOKENIZER)
    assert batch.labels.tolist() == [1.0, 0.0, 0.0]
    assert batch.groups.tolist() == [0, 0, 0]


def test_joined_sets_keep_their_own_contexts(mined):
    data = load_mined([mined], TOKENIZER)
    both = joined(data, data)
    assert len(both.examples) == 4
    for first, second in zip(both.examples[:2], both.examples[2:], strict=True):
        assert first.context != second.context
        assert both.contexts[first.context].text == both.contexts[second.context].text
        texts = [
            [both.contexts[number].text for number in (*e.negatives, *(n for n, _ in e.positives))]
            for e in (first, second)
        ]
        assert texts[0] == texts[1]


def test_files_are_told_apart_and_bad_lines_named(mined, tmp_path):
    plain, found = load_training([mined], TOKENIZER)
    assert not plain.examples
    assert len(found.examples) == 2
    mined.write_text(mined.read_text() + '\n{"question": "no passages"}')
    with pytest.raises(InputError, match=r"mined\.jsonl:3: not a mined question"):
        load_mined([mined], TOKENIZER)


@pytest.mark.parametrize(
    "passage",
    [
        {"title": "", "text": "Rome"},
        {"title": None, "text": "Rome", "answers": []},
        {"title": "", "text": "Rome", "answers": [[0]]},
        {"title": "", "text": "Rome", "answers": [[0, 5]]},
        "Rome",
    ],
)
def test_a_passage_that_is_none_is_named_with_its_line(mined, passage):
    line = {"id": "c", "question": "What?", "passages": [*PASSAGES, passage]}
    mined.write_text(mined.read_text() + "\n" + json.dumps(line))
    with pytest.raises(InputError, match=r"mined\.jsonl:3: not a mined question"):
        load_mined([mined], TOKENIZER)


def test_a_mined_file_may_begin_with_a_byte_order_mark_but_must_be_utf8(mined):
    good = mined.read_bytes()
    mined.write_bytes(b"\xef\xbb\xbf" + good)
    assert len(load_mined([mined], TOKENIZER).examples) == 2
    mined.write_bytes(good + '\n{"question": "é"}'.encode("latin-1"))
    with pytest.raises(InputError, match=r"mined\.jsonl:3: this is not UTF-8"):
        load_mined([mined], TOKENIZER)
