"""Choose how BM25 and vectors are fused, on development questions.

    python -m benchmarks.fusion INDEX QUESTIONS [--every 4] [--device cpu]

Ranks each question once by each component, looks for answers once in each passage, then fuses in
all ways. Weights are chosen and learned on the even questions; the table and its paired
differences to reciprocal rank (mean of recall@1, 5, 20, 100; 95 % bootstrap interval) are of the
odd ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from encoder.load import load_encoder
from indexing.index import Index
from pipelines.answer_match import text_answers
from pipelines.questions import load_questions
from pipelines.statistics import paired_bootstrap
from retriever.bm25 import BM25, bm25_rankings
from retriever.dense import DENSE, check_encoder, dense_rankings
from retriever.fusion import (
    FEATURES,
    MIN_MAX,
    Z_SCORE,
    ConvexCombination,
    Fusion,
    LearnedCombination,
    ReciprocalRank,
    features,
    scaled,
)
from retriever.ranking import Ranking

DEPTHS = (1, 5, 20, 100)
SHARES = [number / 10 for number in range(11)]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's two rankings, and which passages hold an answer."""

    components: Mapping[str, Ranking]
    right: frozenset[int]


def ask_all(index: Index, questions: Sequence, device: str) -> list[Asked]:
    encoder = load_encoder(device=device)
    check_encoder(index, encoder)
    texts = [question.text for question in questions]
    lexical = bm25_rankings(index, texts, max(DEPTHS))
    dense = dense_rankings(index, encoder, texts, max(DEPTHS))
    asked = []
    for question, one, other in zip(questions, lexical, dense, strict=True):
        key = text_answers(question.answers)
        ids = set(one.ids.tolist()) | set(other.ids.tolist())
        right = frozenset(number for number in ids if key.found_in(index.passages[number].text))
        asked.append(Asked({BM25: one, DENSE: other}, right))
    return asked


def recall(fusion: Fusion, asked: Sequence[Asked]) -> np.ndarray:
    """Return for each question whether an answer is among the best 1, 5, 20, 100."""
    ranks = np.zeros(len(asked))
    for row, one in enumerate(asked):
        ids = fusion.fuse(one.components).ids.tolist()
        ranks[row] = next((r for r, number in enumerate(ids, 1) if number in one.right), np.inf)
    return ranks[:, None] <= np.array(DEPTHS)


@dataclass(frozen=True, slots=True)
class Only:
    """One component alone."""

    name: str

    def fuse(self, components: Mapping[str, Ranking]) -> Ranking:
        return components[self.name]


def learn(asked: Sequence[Asked], scale: str) -> LearnedCombination:
    """Maximise the share of the right passages in a softmax over the fused scores."""
    import torch

    useful = [one for one in asked if one.right]
    values = torch.tensor(np.stack([features(*one.components.values()) for one in useful]))
    lists = []
    for one in useful:
        ids = sorted(set().union(*(ranking.ids.tolist() for ranking in one.components.values())))
        place = {number: row for row, number in enumerate(ids)}
        table = np.zeros((len(ids), 2))
        for column, ranking in enumerate(one.components.values()):
            table[[place[n] for n in ranking.ids.tolist()], column] = scaled(ranking.scores, scale)
        lists.append((torch.tensor(table), torch.tensor([n in one.right for n in ids])))
    rows = torch.nn.utils.rnn.pad_sequence([table for table, _ in lists], batch_first=True)
    right = torch.nn.utils.rnn.pad_sequence([mask for _, mask in lists], batch_first=True)
    there = torch.nn.utils.rnn.pad_sequence(
        [torch.ones(len(mask), dtype=torch.bool) for _, mask in lists], batch_first=True
    )
    weights = torch.zeros(len(FEATURES), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros((), dtype=torch.float64, requires_grad=True)
    sharpness = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([weights, bias, sharpness], lr=0.05)
    for _ in range(300):
        share = torch.sigmoid(values @ weights + bias)[:, None]
        scores = sharpness.exp() * ((1 - share) * rows[..., 0] + share * rows[..., 1])
        scores = scores.masked_fill(~there, -torch.inf)
        gold = scores.masked_fill(~right, -torch.inf)
        loss = (scores.logsumexp(1) - gold.logsumexp(1)).mean() + 1e-3 * weights.square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = tuple(round(value, 3) for value in weights.tolist())
    return LearnedCombination(BM25, DENSE, round(bias.item(), 3), found, scale)


def convex(share: float, scale: str) -> ConvexCombination:
    return ConvexCombination({BM25: 1 - share, DENSE: share}, scale)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("questions")
    parser.add_argument("--every", type=int, default=4, help="ask each n-th question (4)")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    questions = load_questions(args.questions)[:: args.every]
    with Index.open(args.index) as index:
        asked = ask_all(index, questions, args.device)
    tuning, held_back = asked[::2], asked[1::2]
    ways: dict[str, Fusion] = {"bm25 alone": Only(BM25), "dense alone": Only(DENSE)}
    ways["reciprocal rank, 60"] = reference = ReciprocalRank()
    constants = (5.0, 10.0, 20.0, 60.0, 120.0)
    best = max(constants, key=lambda c: recall(ReciprocalRank(c), tuning).mean())
    ways[f"reciprocal rank, {best:g} chosen"] = ReciprocalRank(best)
    for scale in (MIN_MAX, Z_SCORE):
        shares = {share: recall(convex(share, scale), tuning).mean() for share in SHARES}
        print(f"{scale}: " + "  ".join(f"{s}: {100 * mean:.2f}" for s, mean in shares.items()))
        share = max(shares, key=lambda s: shares[s])
        ways[f"convex, {scale}, dense {share}"] = convex(share, scale)
        learned = learn(tuning, scale)
        print(f"learned, {scale}: bias {learned.bias}, {dict(zip(FEATURES, learned.weights))}")  # noqa: B905
        ways[f"learned, {scale}"] = learned
    print(f"{len(tuning)} questions to choose, {len(held_back)} to compare: {args.questions}")
    base = 100 * recall(reference, held_back).mean(axis=1)
    for name, fusion in ways.items():
        hits = recall(fusion, held_back)
        gain = paired_bootstrap(100 * hits.mean(axis=1), base)
        table = "  ".join(f"{100 * one:5.2f}" for one in hits.mean(axis=0))
        interval = f"{gain.difference:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]"
        print(f"{name:32} {table}  mean {100 * hits.mean():5.2f}  {interval}")


if __name__ == "__main__":
    main()
