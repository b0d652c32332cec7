from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.document_labels import all_labelled, answer_ranges, passage_of
from indexing.build import BuildSettings, build_index
from indexing.documents import Passage
from indexing.index import Index
from indexing.splitting import SplitSettings

words = st.lists(st.sampled_from(["ab", "bc", "ca", "x"]), min_size=1, max_size=4).map(" ".join)


@given(before=words, quote=words, after=words, answer=words)
def test_ranges_hold_the_answer_within_the_only_quote(before, quote, after, answer):
    text = f"{before}|{quote}|{after}"
    if text.count(quote) != 1 or answer not in quote:
        with pytest.raises(ValueError, match="stand"):
            answer_ranges(text, quote, [answer])
        return
    found = answer_ranges(text, quote, [answer])
    begin = text.index(quote)
    every = [i for i in range(begin, begin + len(quote)) if text.startswith(answer, i)]
    assert found == [(i, i + len(answer)) for i in every if i + len(answer) <= begin + len(quote)]


def test_the_passage_is_the_one_with_most_text_around_the_answer():
    first, second = Passage(1, "d", "", "x" * 30, 0, 30), Passage(2, "d", "", "x" * 30, 15, 45)
    assert passage_of((20, 22), [first, second]) is first
    assert passage_of((27, 29), [first, second]) is second
    assert passage_of((10, 20), [first, second]) is first
    assert passage_of((10, 40), [first, second]) is None


def test_questions_get_a_passage_of_the_index(tmp_path):
    text = " ".join(f"word{n}" for n in range(40)) + ". The office opens at 9 am on weekdays."
    (tmp_path / "hours.md").write_text(text)
    settings = BuildSettings(splitting=SplitSettings(words=20, stride=20))
    build_index([tmp_path / "hours.md"], tmp_path / "index", settings)
    rows = [
        {"id": "a", "question": "when can I come", "answer": ["9 am", "at 9 am"],
         "document_id": "hours.md", "quote": "The office opens at 9 am"},
        {"id": "b", "question": "who owns it", "answer": [], "near": "hours.md"},
    ]  # fmt: skip
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    with Index.open(tmp_path / "index") as index:
        (found,) = all_labelled(str(file), index)
        assert found["context"] in text
        starts = dict(zip(found["answers"]["text"], found["answers"]["answer_start"], strict=True))
        assert set(starts) == {"9 am", "at 9 am"}
        for answer, start in starts.items():
            assert found["context"][start : start + len(answer)] == answer
        file.write_text(json.dumps(rows[0] | {"quote": "word"}))
        with pytest.raises(ValueError, match=r"questions\.jsonl:1: stands 40 times"):
            list(all_labelled(str(file), index))
