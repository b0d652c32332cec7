"""The benchmark of answer ranking ranks as the product does."""

from __future__ import annotations

import numpy as np

from benchmarks.answer_ranking import Candidates, cross_validated
from indexing.documents import Passage
from reader.calibrator_fitting import ReadQuestion
from reader.ranking import RANKED_BY, RankingWeights, gather_evidence
from reader.spans import Span

WORDS = [
    *"ABCDEFGH",
    "flew",
    "from",
    "Rome",
    "to",
    "Oslo",
    "with",
    "Ezra",
    "in",
    "May",
    "or",
    "June",
]


def question(generator):
    passages = tuple(
        Passage(n, "d", "Rome", " ".join(generator.choice(WORDS, 12)), 0, 0) for n in range(5)
    )
    spans = []
    for _ in range(12):
        passage = passages[int(generator.integers(5))]
        start = int(generator.integers(len(passage.text) - 1))
        end = int(generator.integers(start + 1, len(passage.text) + 1))
        logprobs = -generator.random(3) * 4
        spans.append(Span(passage, start, end, *map(float, logprobs)))
    right = frozenset(str(s.text) for s in spans if generator.random() < 0.3)
    return ReadQuestion("Who flew with Ezra to Oslo?", passages, tuple(spans), right)


def test_the_top_answer_is_that_of_the_product():
    generator = np.random.default_rng(5)
    values = (0.4, 0.2, 0.9, 0.7, 1.5, 1.6, 0.5)
    weights = RankingWeights(**dict(zip(RANKED_BY, values, strict=True)))
    both = []
    for _ in range(60):
        asked = question(generator)
        best = gather_evidence(asked.question, asked.passages, asked.spans, weights)[0]
        expected = best.spans[0].text in asked.right
        assert Candidates(asked).top_is_right(np.array(values), range(7)) == expected
        both.append(expected)
    assert len(set(both)) == 2


def test_cross_validation_asks_every_question_once_a_repeat():
    generator = np.random.default_rng(6)
    corpora = {"one": [Candidates(question(generator)) for _ in range(20)], "none": []}
    found = cross_validated(corpora, range(4))
    assert found["one"].shape == (20,)
    assert found["none"].shape == (0,)
    assert set(np.round(found["one"] * 3).tolist()) <= {0, 1, 2, 3}
    empty = Candidates(ReadQuestion("Who?", (), (), frozenset()))
    assert not empty.tells()
    assert not empty.top_is_right(np.ones(7), range(7))
