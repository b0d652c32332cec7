from __future__ import annotations

import json

import pytest

from indexing.errors import InputError
from pipelines.evaluate import evaluate_reading_sets
from pipelines.evaluate_reading_sets import set_names
from pipelines.questions import ReadingExample, ReadingSet
from reader.spans import Span


class FirstWord:
    def read(self, questions, passages):
        return [[Span(own[0], 0, own[0].text.index(" "), -1.0, -1.0, 0.0)] for own in passages]


def examples(*answers):
    return ReadingSet(
        tuple(
            ReadingExample(str(i), "what is it", "Rome is old", (answer,))
            for i, answer in enumerate(answers)
        ),
        "1.1",
    )


def test_every_set_counts_alike(tmp_path):
    sets = {"small": examples("Rome", "x"), "large": examples(*["Rome"] * 30)}
    found = evaluate_reading_sets(sets, FirstWord(), report=tmp_path)
    assert found["sets"]["small"]["exact_match"] == 50.0
    assert found["macro"]["exact_match"] == 75.0  # 96.9 over all questions
    assert (found["macro"]["sets"], found["macro"]["n"]) == (2, 32)
    assert found["macro"]["ci95"]["exact_match"] == (50.0, 100.0)  # the small set: 0 to 100
    assert json.loads((tmp_path / "result.json").read_text())["macro"]["f1"] == 75.0
    lines = (tmp_path / "large" / "predictions.jsonl").read_text().splitlines()
    assert len(lines) == 30


def test_names_of_sets_differ():
    names = set_names(["a/dev.json.gz", "b/dev.json", "squad:validation"])
    assert names == ["dev", "dev-2", "squad:validation"]


def test_an_empty_set_is_named():
    with pytest.raises(InputError, match="empty: there is no question"):
        evaluate_reading_sets({"empty": examples()}, FirstWord())
