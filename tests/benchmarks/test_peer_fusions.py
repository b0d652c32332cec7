"""Other systems' fusions and the table of differences, on rankings made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.peer_fusions import DistributionBased
from benchmarks.retrieval_table import Row, against
from retriever.ranking import Ranking


def ranking(**scores):
    ids = [int(name[1:]) for name in scores]
    return Ranking(np.array(ids, dtype=np.int64), np.array(list(scores.values())))


def test_distribution_based_fusion_takes_the_greater_scaled_score():
    first = ranking(p1=10.0, p2=8.0, p3=3.0)
    second = ranking(p3=0.9, p4=0.1)
    fused = DistributionBased().fuse({"first": first, "second": second})
    scaled = {}
    for one in (first, second):
        mean, spread = one.scores.mean(), one.scores.std()
        for number, score in zip(one.ids.tolist(), one.scores.tolist(), strict=True):
            low, high = mean - 3 * spread, mean + 3 * spread
            scaled.setdefault(number, []).append((score - low) / (high - low))
    expected = sorted(((max(own), number) for number, own in scaled.items()), reverse=True)
    assert fused.ids.tolist() == [number for _, number in expected]
    np.testing.assert_allclose(fused.scores, [score for score, _ in expected])


def test_distribution_based_fusion_of_one_score_and_of_nothing():
    nothing = Ranking(np.array([], dtype=np.int64), np.array([]))
    fused = DistributionBased().fuse({"first": ranking(p7=2.0), "second": nothing})
    assert (fused.ids.tolist(), fused.scores.tolist()) == ([7], [0.0])


def test_differences_are_taken_question_by_question():
    rows = [Row("bm25", (1, 0, 21, 2), 1.0), Row("hybrid", (1, 20, 2, 1), 1.0)]
    lines = against(rows[1], rows).splitlines()
    assert len(lines) == 3
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells[0] == "bm25"
    assert float(cells[1].split()[0]) == 50.0
    gain = np.mean([0, 1 / 20, 1 / 2 - 1 / 21, 1 - 1 / 2])
    assert float(cells[3].split()[0]) == pytest.approx(gain, abs=5e-4)
