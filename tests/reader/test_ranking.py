"""Ranking answers across passages."""

from __future__ import annotations

import math

import pytest

from indexing.documents import Passage
from reader.calibration import UNCALIBRATED, Calibration, rank_answers
from reader.ranking import RankingWeights, gather_evidence
from reader.spans import Span

TEXT = "In 1969 the Apollo programme, or apollo, reached the Moon."
QUESTION = "What reached it?"


def passage(number):
    return Passage(number, f"d{number}", "", TEXT, 0, len(TEXT))


def span(number, piece, logprob, relevance=-0.1):
    start = TEXT.index(piece)
    return Span(passage(number), start, start + len(piece), logprob / 2, logprob / 2, relevance)


def test_equal_answers_add_up_and_keep_the_best_surface_form():
    spans = [span(1, "the Moon", -1.0), span(2, "Apollo", -1.5), span(3, "apollo", -1.4)]
    calibration = Calibration(RankingWeights(1.0, 0.0), UNCALIBRATED.logistic)
    own = [passage(n) for n in (1, 2, 3)]
    (answers,) = rank_answers([QUESTION], [own], [spans], calibration)
    assert [answer.text for answer in answers] == ["apollo", "the Moon"]
    assert [s.passage.id for s in answers[0].spans] == [3, 2]
    expected = math.log(math.exp(-1.5 - 0.1) + math.exp(-1.4 - 0.1))
    assert answers[0].score == pytest.approx(expected)
    assert answers[0].probability >= answers[1].probability


def test_a_passage_that_stands_higher_lifts_its_answers():
    spans = [span(1, "the Moon", -1.0), span(2, "Apollo", -1.1)]
    weights = RankingWeights(relevance=1.0, rank=0.5)
    for order, best in (((1, 2), "the Moon"), ((2, 1), "Apollo")):
        found = gather_evidence(QUESTION, [passage(n) for n in order], spans, weights)
        assert found[0].spans[0].text == best


def test_the_score_by_hand():
    weights = RankingWeights(0.4, 0.3, 0.5, 2.0, echo=1.5, coverage=0.7, mentions=0.6)
    spans = [span(2, "the Apollo programme", -1.2, relevance=-0.7)]
    asked = "Which programme reached the Moon in May?"
    own = [Passage(1, "d", "", "The Apollo programme.", 0, 21), passage(2)]
    (found,) = gather_evidence(asked, own, spans, weights)
    # Two words without the article, one of them the question's; second of the passages, and both
    # mention it. Of the question's words the passage has "programme", which both have, and
    # "reached", "moon" and "in", which only it has; "which" and "may" stand nowhere.
    one, both, none = math.log(3 / 1.5), math.log(3 / 2.5), math.log(3 / 0.5)
    covered = (both + 3 * one) / (both + 3 * one + 2 * none)
    expected = 0.5 * -1.2 + 0.4 * -0.7 - 0.3 * math.log(2) - 2.0 * math.log(2)
    expected += -1.5 * 0.5 + 0.7 * covered + 0.6 * math.log(2)
    assert found.score == pytest.approx(expected)


def test_spans_that_say_nothing_are_no_answers():
    own = [passage(1)]
    spans = [span(1, ",", -0.1), span(1, "the", -0.2)]
    assert rank_answers([QUESTION, QUESTION], [own, []], [spans, []]) == [[], []]
