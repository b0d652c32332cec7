from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.load import default_folder
from indexing.errors import InputError
from reader.batches import epoch_batches
from reader.features import ReaderTokenizer
from reader.train_settings import BatchSettings
from reader.training_data import crop, load_squad, mine_negatives, piece_range, split_by_context

TOKENIZER = ReaderTokenizer.from_folder(default_folder())
PARAGRAPHS = [
    ("Paris is the capital of France.", "What is the capital of France?", "Paris"),
    ("Berlin, on the Spree, is the capital of Germany.", "Where does Berlin lie?", "on the Spree"),
    (
        "The Spree is a river of 400 kilometres in Germany.",
        "How long is the Spree?",
        "400 kilometres",
    ),
]


@pytest.fixture
def squad_file(tmp_path):
    paragraphs = [
        {
            "context": text,
            "qas": [
                {
                    "id": f"q{i}",
                    "question": question,
                    "answers": [{"text": answer, "answer_start": text.index(answer)}],
                }
            ],
        }
        for i, (text, question, answer) in enumerate(PARAGRAPHS)
    ]
    file = tmp_path / "train.json.gz"
    data = {"data": [{"title": "Some_Title", "paragraphs": paragraphs}]}
    file.write_bytes(gzip.compress(json.dumps(data).encode()))
    return file


def surface(data, example):
    context = data.contexts[example.context]
    return {
        context.text[context.pieces.starts[a] : context.pieces.ends[b]] for a, b in example.ranges
    }


def test_ranges_stand_for_the_answers(squad_file):
    data = load_squad([squad_file], TOKENIZER)
    assert [surface(data, example) for example in data.examples] == [
        {answer} for *_, answer in PARAGRAPHS
    ]
    assert data.contexts[0].title == "Some Title"


@given(st.lists(st.text("ab .,é", min_size=1, max_size=12), min_size=1, max_size=9), st.data())
def test_piece_range_covers_the_characters_it_is_given(words, data):
    text = " ".join(words)
    pieces = TOKENIZER.passages([text])[0]
    if not len(pieces):
        return
    first = data.draw(st.integers(0, len(pieces) - 1))
    last = data.draw(st.integers(first, len(pieces) - 1))
    found = piece_range(pieces, int(pieces.starts[first]), int(pieces.ends[last]))
    assert pieces.starts[found[0]] == pieces.starts[first]
    assert pieces.ends[found[1]] == pieces.ends[last]


@given(st.integers(1, 60), st.integers(0, 2**31))
def test_crops_keep_an_answer_whole(size, seed):
    from reader.training_data import Context

    text = "one two three four five six seven eight nine ten " * 4
    pieces = TOKENIZER.passages([text])[0]
    row = crop(Context("", text, pieces), ((5, 8), (30, 31)), size, np.random.default_rng(seed))
    assert row.ranges
    for first, last in row.ranges:
        wanted = pieces.ids[5:9] if last - first == 3 else pieces.ids[30:32]
        assert np.array_equal(row.ids[first : last + 1], wanted)
    assert len(row.ids) <= max(size, 4)


def test_negatives_hold_no_answer_and_are_not_the_gold_paragraph(squad_file):
    data = mine_negatives(load_squad([squad_file], TOKENIZER), 2)
    spree = data.examples[2]
    assert spree.negatives[0] == 1
    for example in data.examples:
        for number in example.negatives:
            assert number != example.context
            assert example.answers[0] not in data.contexts[number].text


def test_split_never_parts_the_questions_of_a_context(squad_file):
    data = load_squad([squad_file], TOKENIZER)
    train, held = split_by_context(data, 0.5, seed=2)
    assert len(train.examples) + len(held.examples) == 3
    assert not {e.context for e in train.examples} & {e.context for e in held.examples}


def test_batches_are_whole_and_repeatable(squad_file):
    data = mine_negatives(load_squad([squad_file], TOKENIZER), 2)
    settings = BatchSettings(questions=2, negative_rate=1.0)
    first = list(epoch_batches(data, TOKENIZER, settings, seed=1, epoch=0))
    again = list(epoch_batches(data, TOKENIZER, settings, seed=1, epoch=0))
    assert [b.ids.tolist() for b in first] == [b.ids.tolist() for b in again]
    assert sum(batch.questions for batch in first) == 3
    for batch in first:
        assert batch.ids.shape == batch.mask.shape == batch.segments.shape == batch.allowed.shape
        assert set(batch.groups.tolist()) == set(range(batch.questions))
        for row, start, end in batch.spans:
            assert batch.allowed[row, start : end + 1].all()
            assert batch.labels[row] == 1
        assert batch.labels.sum() == batch.questions
        assert not (batch.allowed & (batch.segments == 0)).any()


@pytest.mark.parametrize("own", [1, 2, 5])
def test_a_question_brings_as_many_hard_negatives_as_are_asked_for(squad_file, own):
    data = mine_negatives(load_squad([squad_file], TOKENIZER), 2)
    had = sorted(min(own, len(example.negatives)) for example in data.examples)
    settings = BatchSettings(questions=3, negative_rate=1.0, own_negatives=own, title_rate=0.0)
    (batch,) = epoch_batches(data, TOKENIZER, settings, seed=1, epoch=0)
    assert sorted((np.bincount(batch.groups) - 1).tolist()) == had
    rows = [(group, ids.tobytes()) for group, ids in zip(batch.groups, batch.ids, strict=True)]
    assert len(set(rows)) == len(rows)


def test_wrong_offsets_and_files_are_named(tmp_path):
    file = tmp_path / "bad.json"
    file.write_text("[]")
    with pytest.raises(InputError, match=r"bad\.json"):
        load_squad([file], TOKENIZER)
    qa = {"id": "q7", "question": "?", "answers": [{"text": "x", "answer_start": 3}]}
    file.write_text(json.dumps({"data": [{"paragraphs": [{"context": "abc def", "qas": [qa]}]}]}))
    with pytest.raises(InputError, match="q7"):
        load_squad([file], TOKENIZER)


def squad2(qas, **changes):
    """Return a SQuAD 2.0 file's content: one paragraph with these questions."""
    article = {"title": "Rome", "paragraphs": [{"context": "Rome is old.", "qas": qas}]}
    return {"data": [article | changes]}


def asked(**changes):
    answers = [{"text": "Rome", "answer_start": 0}]
    return {"id": "q1", "question": "What is old?", "answers": answers} | changes


def test_impossible_questions_need_no_answers_and_have_none(tmp_path):
    file = tmp_path / "second.json"
    bare = {"id": "q2", "question": "What is new?", "is_impossible": True}
    file.write_text(json.dumps(squad2([asked(), bare, asked(is_impossible=True)])))
    data = load_squad([file], TOKENIZER)
    assert [example.answers for example in data.examples] == [("Rome",), (), ()]
    assert [example.ranges for example in data.examples] == [((0, 0),), (), ()]


def test_a_title_may_be_missing_and_a_file_begin_with_a_byte_order_mark(tmp_path):
    file = tmp_path / "marked.json"
    file.write_text("\ufeff" + json.dumps(squad2([asked()], title=None)), encoding="utf-8")
    data = load_squad([file], TOKENIZER)
    assert (data.contexts[0].title, data.contexts[0].document) == ("", "marked.json#0")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (squad2([asked(), {"id": "q2", "question": "Who?"}]), r"paragraphs\[0\]\.qas\[1\]"),
        (squad2([asked(answers=[{"text": "Rome"}])]), r"qas\[0\]: question q1: 'answers' must"),
        (squad2([asked(question=None)]), r"qas\[0\]: 'question' is missing"),
        (squad2([], paragraphs=[{"qas": [asked()]}]), r"paragraphs\[0\]: 'context' is missing"),
        (squad2([], paragraphs=[{"context": "Rome"}]), r"paragraphs\[0\]\.qas must be a list"),
        ("Rome", r"'data' must be a list"),
    ],
)
def test_what_is_no_question_is_named_with_its_place(tmp_path, content, message):
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"bad\.json: .*{message}"):
        load_squad([file], TOKENIZER)


def test_a_file_that_is_not_utf8_is_named_with_its_line(tmp_path):
    file = tmp_path / "latin.json"
    file.write_bytes(json.dumps(squad2([asked()]), indent=1).encode() + "\né".encode("latin-1"))
    line = file.read_bytes().count(b"\n") + 1
    with pytest.raises(InputError, match=rf"latin\.json:{line}: this is not UTF-8"):
        load_squad([file], TOKENIZER)
