"""Runs of words against sets of plain strings."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from pipelines.word_runs import N, runs_of, share_known, word_runs

texts = st.lists(
    st.sampled_from(["a", "b", "c", "d", "Ä", "日本", "x9", "--", "."]), max_size=40
).map(" ".join)


def slow_runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    if not words:
        return set()
    size = min(N, len(words))
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


@given(texts, st.lists(texts, max_size=4))
def test_share_like_that_of_sets_of_strings(text, others):
    own = slow_runs(text)
    known = {run for other in others for run in slow_runs(other)}
    expected = len(own & known) / len(own) if own else 0.0
    assert len(word_runs(text)) == len(own)
    assert share_known(word_runs(text), runs_of(others)) == expected
