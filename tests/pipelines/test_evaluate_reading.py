from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

from indexing.errors import InputError
from pipelines.evaluate import evaluate_reading
from pipelines.questions import ReadingExample, ReadingSet
from reader.spans import Span

CONTEXT = "Rome was founded by Romulus in 753 BC."


class WordReader:
    """Finds the word that the question ends with; its log-probability is the word's length."""

    def __init__(self):
        self.batches = []

    def read(self, questions, passages):
        self.batches.append(len(questions))
        found = []
        for question, (passage,) in zip(questions, passages, strict=True):
            assert passage.title == ""
            word = question.split()[-1]
            start = passage.text.find(word)
            end = start + len(word)
            found.append([Span(passage, start, end, len(word), 0.0, 0.0)] if start >= 0 else [])
        return found


def example(id_, word, *answers, context=CONTEXT):
    return ReadingExample(id_, f"where is {word}", context, answers)


def test_version_1_by_hand():
    data = ReadingSet(
        (
            example("1", "Romulus", "Romulus", "King Romulus"),  # EM 1, F1 1
            example("2", "753", "753 BC"),  # EM 0, F1 2/3
            example("3", "Remus", "Remus"),  # not there: 0, 0
            example("4", "Rome", "Troy", context="Rome."),  # 0, 0
        ),
        "1.1",
    )
    result = evaluate_reading(data, WordReader(), is_answerable=lambda spans: False)
    assert result["exact_match"] == 25.0
    assert result["f1"] == pytest.approx(100 * (1 + 2 / 3) / 4)
    assert (result["n"], result["version"]) == (4, "1.1")
    low, high = result["ci95"]["f1"]
    assert 0 <= low < result["f1"] < high <= 100
    assert result["passages_per_second"] == pytest.approx(4 / result["seconds"])
    assert "has_answer" not in result


def test_version_2_by_hand(tmp_path):
    data = ReadingSet(
        (
            example("1", "Romulus", "Romulus"),  # right
            example("2", "753", "753 BC"),  # short: taken for unanswerable, 0
            example("3", "Remus"),  # nothing found: right
            example("4", "founded"),  # answered all the same: wrong
        ),
        "2.0",
    )
    result = evaluate_reading(
        data,
        WordReader(),
        is_answerable=lambda spans: spans[0].start_logprob > 5,
        report=tmp_path / "report",
    )
    assert (result["exact_match"], result["f1"], result["n"]) == (50.0, 50.0, 4)
    assert (result["has_answer"]["exact_match"], result["has_answer"]["n"]) == (50.0, 2)
    assert (result["no_answer"]["f1"], result["no_answer"]["n"]) == (50.0, 2)
    predictions = json.loads((tmp_path / "report" / "predictions.json").read_text())
    assert predictions == {"1": "Romulus", "2": "", "3": "", "4": "founded"}
    assert json.loads((tmp_path / "report" / "result.json").read_text())["exact_match"] == 50.0


def test_reading_goes_in_batches_and_shows_progress():
    seen = []

    class Recorder:
        @contextmanager
        def stage(self, name, total, unit):
            seen.append((name, total, unit))
            yield seen.append

    reader = WordReader()
    data = ReadingSet(tuple(example(str(i), "Rome", "Rome") for i in range(600)), "1.1")
    result = evaluate_reading(data, reader, limit=513, progress=Recorder())
    assert result["n"] == 513
    assert result["exact_match"] == 100.0
    assert reader.batches == [256, 256, 1]
    assert seen == [("reading", 513, "questions"), 256, 256, 1]


def test_nothing_to_read_is_an_error():
    with pytest.raises(InputError, match="no question"):
        evaluate_reading(ReadingSet((example("1", "x", "x"),), "1.1"), WordReader(), limit=0)
