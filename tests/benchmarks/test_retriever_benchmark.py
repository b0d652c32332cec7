"""The retriever benchmark's ranks and table, on vectors made by hand."""

from __future__ import annotations

import numpy as np

from benchmarks.retriever_training import first_ranks, measures, table
from indexing.documents import Passage
from pipelines.questions import Question


class Letters:
    """Counts letters."""

    def passage_text(self, title, text):
        return text

    def encode(self, texts):
        return np.array([[text.count(c) for c in "abc"] for text in texts], dtype=np.float32)

    encode_questions = encode


def test_ranks_and_table():
    texts = ["aaa x", "aa y", "b z"]
    passages = [Passage(n, "d", "", text, 0, len(text)) for n, text in enumerate(texts)]
    questions = [Question("1", "a", ("y",)), Question("2", "b", ("z",)), Question("3", "c", ("q",))]
    ranks = first_ranks(questions, passages, Letters())
    assert ranks.tolist() == [2, 1, 0]
    assert measures(ranks[:2])["recall@1"].tolist() == [0, 100]
    assert measures(ranks[:2])["MRR"].tolist() == [0.5, 1]
    assert "+50.000" in table(ranks[:2], np.array([1, 1]))
