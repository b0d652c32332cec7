"""What words tell, beside an obvious way to count them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.documents import Passage
from reader.clues import find_clues
from reader.normalising import normalise_answer


def passages(*texts, titles=None):
    titles = titles or [""] * len(texts)
    return [
        Passage(10 * place, "d", title, text, 0, len(text))
        for place, (text, title) in enumerate(zip(texts, titles, strict=True))
    ]


def test_a_word_that_few_passages_have_counts_for_more():
    own = passages("The moon is far.", "The moon is round.", titles=["Apollo", ""])
    clues = find_clues("Is the moon far from Apollo?", own)
    # "the" is no word; "is" and "moon" stand in both, "far" and "apollo" in one, "from" in none.
    weight = {2: math.log(3 / 2.5), 1: math.log(3 / 1.5), 0: math.log(3 / 0.5)}
    whole = 2 * weight[2] + 2 * weight[1] + weight[0]
    assert clues.coverage[0] == pytest.approx((2 * weight[2] + 2 * weight[1]) / whole)
    assert clues.coverage[10] == pytest.approx(2 * weight[2] / whole)


def test_ranks_are_the_order_of_the_passages():
    clues = find_clues("Who?", passages("b", "a"))
    assert [clues.rank(0), clues.rank(10), clues.rank(99)] == [1, 2, 3]


def test_echo_is_the_share_of_words_that_the_question_has():
    clues = find_clues("Which river flows through Paris?", passages("The Seine."))
    assert clues.echo("river seine") == 0.5
    assert clues.echo("seine") == 0
    assert clues.echo("") == 0


def test_mentions_are_of_whole_words_however_written():
    own = passages("In the U.S. army", "us army men", "A bus army", "Us, army.")
    clues = find_clues("Where?", own)
    assert clues.mentions(normalise_answer("the U.S. Army")) == 3
    assert clues.mentions("navy") == 1


@pytest.mark.parametrize("question", ["", "?!", "the", "Who?"])
def test_nothing_to_compare_is_no_error(question):
    clues = find_clues(question, [])
    assert clues.coverage == {}
    assert clues.rank(3) == 1
    assert find_clues(question, passages("")).coverage[0] == 0


@given(
    st.text("abc the?.", max_size=12),
    st.lists(st.text("abc the?.", max_size=12), min_size=1, max_size=4),
)
def test_coverage_is_a_share_and_counts_as_the_slow_way_does(question, texts):
    clues = find_clues(question, passages(*texts))
    words = set(normalise_answer(question).split())
    has = {word: [word in normalise_answer(text).split() for text in texts] for word in words}
    weigh = {w: math.log((len(texts) + 1) / (sum(own) + 0.5)) for w, own in has.items()}
    for place in range(len(texts)):
        expected = sum(weigh[w] for w in words if has[w][place]) / (sum(weigh.values()) or 1)
        assert clues.coverage[10 * place] == pytest.approx(expected)
        assert 0 <= clues.coverage[10 * place] <= 1 + 1e-9
