"""Candidates files, and the batches made of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from encoder.load import default_folder
from indexing.documents import Passage
from indexing.errors import InputError
from reader.features import ReaderTokenizer
from reader.rescorer_data import collate, epoch_batches, load_candidates, split_questions
from reader.rescoring import marked_row
from reader.spans import Span

TOKENIZER = ReaderTokenizer.from_folder(default_folder())
TEXT = "Paris is the capital of France, Rome that of Italy."


def candidate(answer, right, text=TEXT, title="Capitals"):
    start = text.index(answer)
    return {
        "title": title,
        "text": text,
        "start": start,
        "end": start + len(answer),
        "right": right,
    }


GOOD = {
    "question": "What is the capital of Italy?",
    "candidates": [candidate("Paris", False), candidate("Rome", True)],
}


def write(tmp_path, *records):
    file = tmp_path / "candidates.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


def many(tmp_path, count):
    """Return questions of many lengths, two or three answers each."""
    records = []
    for i in range(count):
        text = f"Paris {'and so on ' * (i * 7 % 20)}, Rome or Oslo."
        found = [candidate("Paris", False, text), candidate("Rome", True, text)]
        found += [candidate("Oslo", False, text)] * (i % 2)
        records.append({"question": f"Which is number {i}?", "candidates": found})
    return load_candidates([write(tmp_path, *records)], TOKENIZER)


def test_answers_become_marked_rows_in_the_readers_order(tmp_path):
    right_only = {"question": "Which?", "candidates": [candidate("Rome", True)]}
    wrong_only = {"question": "Which?", "candidates": [candidate("Paris", False)]}
    nothing = {"question": "Which?", "candidates": []}
    file = write(tmp_path, right_only, GOOD, wrong_only, nothing)
    (question,) = load_candidates([file], TOKENIZER)
    assert question.text == GOOD["question"]
    assert question.right.tolist() == [False, True]
    (pieces,) = TOKENIZER.passages([TEXT])
    for row, one in zip(question.rows, GOOD["candidates"], strict=True):
        span = Span(Passage(7, "d", "Capitals", TEXT, 0, 50), one["start"], one["end"], -1, -2, -3)
        wanted = marked_row(TOKENIZER, GOOD["question"], span, pieces)
        assert row.ids.tolist() == wanted.ids.tolist()
        assert row.segments.tolist() == wanted.segments.tolist()
        assert (row.first, row.last) == (wanted.first, wanted.last)
        assert TOKENIZER.text(row.ids[row.first : row.last + 1].tolist()).lower() == (
            TEXT[one["start"] : one["end"]].lower()
        )


def test_a_passage_is_tokenised_once(tmp_path, monkeypatch):
    seen = []
    real = ReaderTokenizer.passages

    def passages(self, texts):
        seen.extend(texts)
        return real(self, texts)

    monkeypatch.setattr(ReaderTokenizer, "passages", passages)
    other = GOOD | {"candidates": [*GOOD["candidates"], candidate("Oslo", False, "Oslo.")]}
    assert len(load_candidates([write(tmp_path, GOOD, other)], TOKENIZER)) == 2
    assert sorted(seen) == ["Oslo.", TEXT]


def broken(**changes):
    return GOOD | {"candidates": [candidate("Rome", True) | changes]}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "'question' is missing"),
        ({"question": " ", "candidates": []}, "'question' is missing"),
        ({"question": "Which?"}, "'candidates' is missing"),
        ({"question": "Which?", "candidates": ["Rome"]}, "'title' is missing"),
        (broken(text=None), "'text' is missing or is no str"),
        (broken(start=True), "'start' is missing or is no int"),
        (broken(right=1), "'right' is missing or is no bool"),
        (broken(start=-1), "from -1 to"),
        (broken(end=len(TEXT) + 1), "51 code points"),
        (broken(end=0), "take the candidate out"),
    ],
)
def test_malformed_lines_are_named(record, message, tmp_path):
    with pytest.raises(InputError, match=r"candidates\.jsonl:2: ") as raised:
        load_candidates([write(tmp_path, GOOD, record)], TOKENIZER)
    assert message in str(raised.value)


def test_unusable_files_are_told(tmp_path):
    file = write(tmp_path, GOOD)
    file.write_text(file.read_text() + '{"question": "Which')
    with pytest.raises(InputError, match=r"candidates\.jsonl:2: not JSON"):
        load_candidates([file], TOKENIZER)
    file.write_bytes(b"\xff\n")
    with pytest.raises(InputError, match="UTF-8"):
        load_candidates([file], TOKENIZER)
    with pytest.raises(InputError, match="not readable"):
        load_candidates([tmp_path / "none.jsonl"], TOKENIZER)
    with pytest.raises(InputError, match="no question has a right answer and a wrong one"):
        load_candidates([write(tmp_path, {"question": "Which?", "candidates": []})], TOKENIZER)


def test_a_question_that_comes_twice_is_not_parted(tmp_path):
    questions = many(tmp_path, 40) * 2
    train, held = split_questions(questions, 0.25, seed=1)
    assert len(held) == 20
    assert len(train) == 60
    assert not {one.text for one in train} & {one.text for one in held}
    assert [one.text for one in split_questions(questions, 0.25, seed=1)[1]] == (
        [one.text for one in held]
    )
    assert {one.text for one in split_questions(questions, 0.25, seed=2)[1]} != (
        {one.text for one in held}
    )
    assert split_questions(questions, 0.0, seed=1)[1] == []


def test_an_epoch_has_every_question_once_and_is_the_same_for_its_seed(tmp_path):
    questions = many(tmp_path, 150)

    def epoch(seed, number):
        return [[one.text for one in own] for own in epoch_batches(questions, 4, seed, number)]

    batches = epoch(1, 0)
    assert sorted(text for own in batches for text in own) == sorted(q.text for q in questions)
    assert len(batches) == 38
    assert epoch(1, 0) == batches
    assert epoch(1, 1) != batches
    assert epoch(2, 0) != batches


def test_batches_have_little_padding_and_no_order_of_length(tmp_path):
    questions = many(tmp_path, 128)
    batches = list(epoch_batches(questions, 4, 1, 0))
    spread = [own[-1].longest - own[0].longest for own in batches]
    assert min(spread) >= 0  # shorter ones first
    # 64 questions, of 20 lengths 3 pieces apart, are sorted together.
    assert max(spread) <= 9
    longest = [own[-1].longest for own in batches]
    assert longest[:16] != sorted(longest[:16])


def test_rows_are_padded_and_know_their_question(tmp_path):
    questions = many(tmp_path, 6)
    batch = collate(questions, TOKENIZER.pad)
    assert batch.ids.shape == batch.segments.shape == batch.mask.shape
    assert batch.ids.shape[1] % 8 == 0
    assert batch.places.tolist() == [
        [0, 1, -1], [2, 3, 4], [5, 6, -1], [7, 8, 9], [10, 11, -1], [12, 13, 14],
    ]  # fmt: skip
    assert batch.right.tolist() == [[False, True, False]] * 6
    rows = [row for question in questions for row in question.rows]
    for number, row in enumerate(rows):
        size = len(row.ids)
        assert batch.mask[number].tolist() == [1] * size + [0] * (batch.ids.shape[1] - size)
        assert np.array_equal(batch.ids[number, :size], row.ids)
        assert np.array_equal(batch.segments[number, :size], row.segments)
        assert (batch.ids[number, size:] == TOKENIZER.pad).all()
        assert (batch.first[number], batch.last[number]) == (row.first, row.last)
