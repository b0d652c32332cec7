"""Ranking answers across passages, and the probability shown beside them.

The ranking score joins span, relevance and retrieval (DESIGN: "Scoring, in one place"); evidence
for the same normalised answer is added up by log-sum-exp; a logistic calibrator (Platt 1999) turns
the features of the best answers into the probability that an answer is right. All weights are
fitted on development questions by `qa calibrate` and stored beside the checkpoint.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from indexing.errors import InputError
from reader.answerability import RELEVANCE_ALONE, Answerability
from reader.normalising import normalise_answer
from reader.spans import Span

FILE = "calibration.json"
PARTS = ("asking", "reading")
FEATURES = ("bias", "share", "logit", "relevance", "log_rank", "log_support", "log_passages")


@dataclass(frozen=True, slots=True)
class RankingWeights:
    """Weights of a span's score `span * s + relevance * r - rank * log(k) - length * log(w)`.

    `s` is the span's log-probability, `r` its passage's relevance, `k` the passage's rank and `w`
    the span's number of words, normalised. Fitted, they make scores log-probabilities up to a
    constant, so that adding evidence up means something: `span` is an inverse temperature.
    """

    relevance: float = 1.0
    rank: float = 0.3
    span: float = 1.0
    length: float = 0.0

    def score(self, features: tuple[float, float, float, float]) -> float:
        """Return the score of a span with these `ranking_features`."""
        span, relevance, rank, length = features
        return (
            self.span * span + self.relevance * relevance + self.rank * rank + self.length * length
        )


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a checkpoint stores beside its weights."""

    ranking: RankingWeights
    logistic: tuple[float, ...]
    threshold: float = 0.0
    answerable: Answerability = RELEVANCE_ALONE


@dataclass(frozen=True, slots=True)
class RankedAnswer:
    """One answer with all the spans that say it, best first."""

    text: str
    probability: float
    score: float
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """An answer before calibration: its spans, its score and its features."""

    spans: tuple[Span, ...]
    score: float
    features: tuple[float, ...]


UNCALIBRATED = Calibration(RankingWeights(), (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0))


def load_calibration(folder: Path) -> Calibration:
    """Read a checkpoint's calibration; a checkpoint without one gets plain defaults.

    Raises:
        InputError: the file is damaged.
    """
    file = folder / FILE
    if not file.is_file():
        return UNCALIBRATED
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        logistic = tuple(float(raw["logistic"][name]) for name in FEATURES)
        return Calibration(
            RankingWeights(**raw["ranking"]),
            logistic,
            float(raw["threshold"]),
            Answerability(**raw.get("answerable", {})),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: damaged ({error}); run qa calibrate again") from error


def save_calibration(
    folder: Path, calibration: Calibration, part: str, notes: Mapping[str, object]
) -> None:
    """Store a calibration, with notes on what a part of it was fitted on.

    Parts are "asking" (ranking and probabilities) and "reading" (answerability); notes on the
    other part stay.
    """
    raw = {
        "ranking": asdict(calibration.ranking),
        "logistic": dict(zip(FEATURES, calibration.logistic, strict=True)),
        "threshold": calibration.threshold,
        "answerable": asdict(calibration.answerable),
        "notes": _notes(folder) | {part: dict(notes)},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")


def _notes(folder: Path) -> dict[str, object]:
    file = folder / FILE
    if not file.is_file():
        return {}
    notes = json.loads(file.read_text(encoding="utf-8")).get("notes", {})
    return {part: notes[part] for part in PARTS if part in notes}


def passage_ranks(retrieval_scores: Mapping[int, float]) -> dict[int, int]:
    """Return the rank of each passage, from 1; ties go to the smaller id."""
    order = sorted(retrieval_scores, key=lambda number: (-retrieval_scores[number], number))
    return {number: rank for rank, number in enumerate(order, start=1)}


def ranking_features(
    span: Span, normalised: str, ranks: Mapping[int, int]
) -> tuple[float, float, float, float]:
    """Return what a span is ranked by, in the order of `RankingWeights.score`; greater is better.

    `normalised` is the span's text as exact match compares it.
    """
    return (
        span.start_logprob + span.end_logprob,
        span.relevance_logprob,
        -math.log(ranks.get(span.passage.id, len(ranks) + 1)),
        -math.log(len(normalised.split())),
    )


def gather_evidence(
    spans: Sequence[Span], retrieval_scores: Mapping[int, float], weights: RankingWeights
) -> list[Evidence]:
    """Group spans by normalised answer and add their evidence up, best answer first.

    `retrieval_scores` maps passage ids to scores of any scale: only their order is used, so that
    BM25, dense and fused scores need no calibration of their own. Spans that normalise to nothing
    are no answers. Ties go to the earlier span.
    """
    ranks = passage_ranks(retrieval_scores)
    groups: dict[str, list[tuple[float, Span]]] = {}
    for span in spans:
        if key := normalise_answer(span.text):
            score = weights.score(ranking_features(span, key, ranks))
            groups.setdefault(key, []).append((score, span))
    if not groups:
        return []
    totals = {key: _log_sum_exp([score for score, _ in own]) for key, own in groups.items()}
    whole = _log_sum_exp(list(totals.values()))
    found = []
    for key, own in groups.items():
        own.sort(key=lambda pair: -pair[0])
        members = tuple(span for _, span in own)
        share = math.exp(totals[key] - whole)
        features = _features(members, totals[key], share, ranks)
        found.append(Evidence(members, totals[key], features))
    found.sort(key=lambda evidence: -evidence.score)
    return found


def _features(
    spans: tuple[Span, ...], score: float, share: float, ranks: Mapping[int, int]
) -> tuple[float, ...]:
    """Return the calibrator's features, in the order of `FEATURES`."""
    del score
    rank = min(ranks.get(span.passage.id, len(ranks) + 1) for span in spans)
    clipped = min(max(share, 1e-6), 1 - 1e-6)
    return (
        1.0,
        share,
        math.log(clipped / (1 - clipped)),
        max(span.relevance_logprob for span in spans),
        math.log(rank),
        math.log(len({span.passage.id for span in spans})),
        math.log(max(1, len(ranks))),
    )


def _log_sum_exp(values: list[float]) -> float:
    highest = max(values)
    return highest + math.log(sum(math.exp(value - highest) for value in values))


def probability(features: Sequence[float], calibration: Calibration) -> float:
    """Return the probability that an answer with these features is right."""
    logit = float(np.dot(features, calibration.logistic))
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))


def rank_answers(
    spans: Sequence[Span],
    retrieval_scores: Mapping[int, float],
    calibration: Calibration = UNCALIBRATED,
) -> list[RankedAnswer]:
    """Return the answers of one question, best first; probabilities never rise down the list.

    The text of an answer is the exact surface text of its best span.
    """
    answers: list[RankedAnswer] = []
    ceiling = 1.0
    for evidence in gather_evidence(spans, retrieval_scores, calibration.ranking):
        ceiling = min(ceiling, probability(evidence.features, calibration))
        answers.append(
            RankedAnswer(evidence.spans[0].text, ceiling, evidence.score, evidence.spans)
        )
    return answers
