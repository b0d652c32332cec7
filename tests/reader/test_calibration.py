from __future__ import annotations

import json
import math

import pytest

from indexing.documents import Passage
from indexing.errors import InputError
from reader.calibration import (
    FEATURES,
    UNCALIBRATED,
    Calibration,
    RankingWeights,
    gather_evidence,
    load_calibration,
    probability,
    rank_answers,
    save_calibration,
)
from reader.normalising import normalise_answer
from reader.spans import Span

TEXT = "In 1969 the Apollo programme, or apollo, reached the Moon."


def span(passage, piece, logprob, relevance=-0.1):
    start = TEXT.index(piece)
    owner = Passage(passage, f"d{passage}", "", TEXT, 0, len(TEXT))
    return Span(owner, start, start + len(piece), logprob / 2, logprob / 2, relevance)


def test_equal_answers_add_up_and_keep_the_best_surface_form():
    spans = [span(1, "the Moon", -1.0), span(2, "Apollo", -1.5), span(3, "apollo", -1.4)]
    answers = rank_answers(
        spans,
        {1: 3.0, 2: 2.0, 3: 1.0},
        Calibration(RankingWeights(1.0, 0.0), UNCALIBRATED.logistic),
    )
    assert [answer.text for answer in answers] == ["apollo", "the Moon"]
    assert [s.passage.id for s in answers[0].spans] == [3, 2]
    expected = math.log(math.exp(-1.5 - 0.1) + math.exp(-1.4 - 0.1))
    assert answers[0].score == pytest.approx(expected)
    assert answers[0].probability >= answers[1].probability


def test_only_the_order_of_retrieval_scores_counts():
    spans = [span(1, "the Moon", -1.0), span(2, "Apollo", -1.1)]
    weights = RankingWeights(relevance=1.0, rank=0.5)
    first = gather_evidence(spans, {1: 0.1, 2: 0.9}, weights)
    second = gather_evidence(spans, {1: -7.0, 2: 30.0}, weights)
    assert [e.score for e in first] == [e.score for e in second]
    assert first[0].spans[0].text == "Apollo"


def test_the_score_by_hand():
    weights = RankingWeights(relevance=0.4, rank=0.3, span=0.5, length=2.0)
    spans = [span(2, "the Apollo programme", -1.2, relevance=-0.7)]
    (found,) = gather_evidence(spans, {1: 3.0, 2: 2.0}, weights)
    # Two words without the article, second of the passages.
    expected = 0.5 * -1.2 + 0.4 * -0.7 - 0.3 * math.log(2) - 2.0 * math.log(2)
    assert found.score == pytest.approx(expected)


def test_spans_that_say_nothing_are_no_answers():
    assert rank_answers([span(1, ",", -0.1), span(1, "the", -0.2)], {1: 1.0}) == []
    assert rank_answers([], {}) == []


def test_probability_is_the_logistic_function_of_the_features():
    weights = tuple(0.1 * i for i in range(len(FEATURES)))
    features = tuple(float(i) for i in range(len(FEATURES)))
    logit = sum(a * b for a, b in zip(weights, features, strict=True))
    calibration = Calibration(RankingWeights(), weights)
    assert probability(features, calibration) == pytest.approx(1 / (1 + math.exp(-logit)))


def test_stored_and_loaded(tmp_path):
    calibration = Calibration(RankingWeights(0.7, 0.2), tuple(0.5 + i for i in range(7)), 0.15)
    save_calibration(tmp_path, calibration, "asking", {"questions": 100})
    save_calibration(tmp_path, calibration, "reading", {"questions": 7})
    notes = json.loads((tmp_path / "calibration.json").read_text())["notes"]
    assert notes == {"asking": {"questions": 100}, "reading": {"questions": 7}}
    assert load_calibration(tmp_path) == calibration
    (tmp_path / "calibration.json").write_text("{}")
    with pytest.raises(InputError, match=r"calibration\.json"):
        load_calibration(tmp_path)
    assert load_calibration(tmp_path / "empty") == UNCALIBRATED


@pytest.mark.parametrize(
    ("text", "normal"),
    [("The U.S.", "us"), ("a  Cat and an owl", "cat and owl"), ("“Moon”", "“moon”"), ("the", "")],
)
def test_normalisation_is_squad_s(text, normal):
    assert normalise_answer(text) == normal
