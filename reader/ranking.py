"""Ranking answers across passages: spans of one normalised answer are evidence for it together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from indexing.documents import Passage
from reader.clues import Clues, find_clues
from reader.normalising import normalise_answer
from reader.spans import Span

RANKED_BY = ("span", "relevance", "rank", "length", "echo", "coverage", "mentions")
FEATURES = (
    "bias",
    "share",
    "logit",
    "relevance",
    "log_rank",
    "log_support",
    "log_passages",
    "again",
)


@dataclass(frozen=True, slots=True)
class RankingWeights:
    """Weights of a span's `ranking_features`.

    Fitted, they make scores log-probabilities up to a constant, so that adding evidence up means
    something: `span` is an inverse temperature.
    """

    relevance: float = 1.0
    rank: float = 0.3
    span: float = 1.0
    length: float = 0.0
    echo: float = 0.0
    coverage: float = 0.0
    mentions: float = 0.0

    def score(self, features: Sequence[float]) -> float:
        """Return the score of a span with these `ranking_features`."""
        own: list[float] = [getattr(self, name) for name in RANKED_BY]
        return sum(weight * feature for weight, feature in zip(own, features, strict=True))


@dataclass(frozen=True, slots=True)
class Evidence:
    """An answer before calibration: its spans, its score and its features."""

    spans: tuple[Span, ...]
    score: float
    features: tuple[float, ...]


def ranking_features(span: Span, answer: str, clues: Clues) -> tuple[float, ...]:
    """Return what a span is ranked by, in the order of `RANKED_BY`; greater is better.

    Its log-probability, its passage's relevance, minus the logarithms of the passage's rank and of
    the answer's number of words, minus the share of its words that the question has, the share of
    the question's words that the passage has, and the logarithm of how many passages mention the
    answer. `answer` is the span's text as exact match compares it.
    """
    return (
        span.start_logprob + span.end_logprob,
        span.relevance_logprob,
        -math.log(clues.rank(span.passage.id)),
        -math.log(len(answer.split())),
        -clues.echo(answer),
        clues.coverage.get(span.passage.id, 0.0),
        math.log(clues.mentions(answer)),
    )


def gather_evidence(
    question: str, passages: Sequence[Passage], spans: Sequence[Span], weights: RankingWeights
) -> list[Evidence]:
    """Group spans by normalised answer and add their evidence up, best answer first.

    `passages` are those that were read, best first: of retrieval only their order counts, so that
    BM25, dense and fused scores need no calibration of their own. Spans that normalise to nothing
    are no answers. Ties go to the earlier span.
    """
    groups: dict[str, list[tuple[float, Span]]] = {}
    clues = find_clues(question, passages)
    for span in spans:
        if key := normalise_answer(span.text):
            score = weights.score(ranking_features(span, key, clues))
            groups.setdefault(key, []).append((score, span))
    if not groups:
        return []
    totals = {key: log_sum_exp([score for score, _ in own]) for key, own in groups.items()}
    whole = log_sum_exp(list(totals.values()))
    found = []
    for key, own in groups.items():
        own.sort(key=lambda pair: -pair[0])
        members = tuple(span for _, span in own)
        share = math.exp(totals[key] - whole)
        found.append(Evidence(members, totals[key], _features(members, share, clues)))
    found.sort(key=lambda evidence: -evidence.score)
    return found


def _features(spans: tuple[Span, ...], share: float, clues: Clues) -> tuple[float, ...]:
    """Return the calibrator's features, in the order of `FEATURES`; nothing is read again yet."""
    return (
        1.0,
        *share_features(share),
        max(span.relevance_logprob for span in spans),
        math.log(min(clues.rank(span.passage.id) for span in spans)),
        math.log(len({span.passage.id for span in spans})),
        math.log(max(1, len(clues.ranks))),
        0.0,
    )


def share_features(share: float) -> tuple[float, float]:
    """Return an answer's share of its question's probability, and the logit of that."""
    clipped = min(max(share, 1e-6), 1 - 1e-6)
    return share, math.log(clipped / (1 - clipped))


def log_sum_exp(values: list[float]) -> float:
    """Return the logarithm of the sum of the exponentials of at least one value."""
    highest = max(values)
    return highest + math.log(sum(math.exp(value - highest) for value in values))
