"""Choose how BM25 and vectors are fused, on development questions of one corpus or several.

    python -m benchmarks.fusion INDEX QUESTIONS [--also INDEX QUESTIONS ...] [--ask 1000]

Ranks each question once by each component, looks for answers once in each passage, then fuses in
all ways: of the lists alone, and with the vectors' scores of what only BM25 ranks ("and beyond").
Weights are chosen and learned by the lists alone on the even questions, every corpus counting
alike; the tables and their paired differences to reciprocal rank (mean of recall@1, 5, 20, 100;
95 % bootstrap interval) are of the odd ones. Questions are drawn at random with a fixed seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.peer_fusions import Listed
from benchmarks.retrieval_table import drawn
from encoder.load import load_encoder
from indexing.index import Index
from pipelines.answer_match import text_answers
from pipelines.statistics import paired_bootstrap
from retriever.bm25 import BM25, bm25_rankings
from retriever.dense import DENSE, check_encoder, dense_neighbours
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
    dense = dense_neighbours(index, encoder, texts, max(DEPTHS))
    asked = []
    for question, one, near in zip(questions, lexical, dense, strict=True):
        other = near.with_scores_of(one.ids, index)
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


def mean_recall(fusion: Fusion, sets: Sequence[Sequence[Asked]]) -> float:
    """Return the mean over sets and depths, in per cent."""
    return 100 * float(np.mean([recall(fusion, asked).mean() for asked in sets]))


def chosen_ways(tuning: Sequence[Sequence[Asked]]) -> dict[str, Fusion]:
    """Return all ways to fuse, the first being the reference."""
    ways: dict[str, Fusion] = {"reciprocal rank, 60": ReciprocalRank()}
    ways |= {"bm25 alone": Only(BM25), "dense alone": Only(DENSE)}
    constants = (5.0, 10.0, 20.0, 60.0, 120.0)
    best = max(constants, key=lambda c: mean_recall(ReciprocalRank(c), tuning))
    ways[f"reciprocal rank, {best:g} chosen"] = ReciprocalRank(best)
    least = min(len(asked) for asked in tuning)
    alike = [one for asked in tuning for one in asked[:least]]
    for scale in (MIN_MAX, Z_SCORE):
        shares = {share: mean_recall(Listed(convex(share, scale)), tuning) for share in SHARES}
        print(f"{scale}: " + "  ".join(f"{s}: {mean:.2f}" for s, mean in shares.items()))
        share = max(shares, key=lambda s: shares[s])
        ways[f"convex, {scale}, dense {share}"] = Listed(convex(share, scale))
        learned = learn(alike, scale)
        print(f"learned, {scale}: bias {learned.bias}, {dict(zip(FEATURES, learned.weights))}")  # noqa: B905
        ways[f"learned, {scale}"] = Listed(learned)
        ways[f"learned, {scale}, and beyond"] = learned
    return ways


def show(ways: Mapping[str, Fusion], held_back: Sequence[Asked]) -> None:
    base = 100 * recall(next(iter(ways.values())), held_back).mean(axis=1)
    for name, fusion in ways.items():
        hits = recall(fusion, held_back)
        gain = paired_bootstrap(100 * hits.mean(axis=1), base)
        table = "  ".join(f"{100 * one:5.2f}" for one in hits.mean(axis=0))
        interval = f"{gain.difference:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]"
        print(f"{name:32} {table}  mean {100 * hits.mean():5.2f}  {interval}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index")
    parser.add_argument("questions")
    parser.add_argument("--also", nargs=2, action="append", default=[], metavar="PATH")
    parser.add_argument("--ask", type=int, default=1000, help="questions of each corpus (1000)")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    sets = {}
    for folder, file in [(args.index, args.questions), *args.also]:
        with Index.open(folder) as index:
            questions = drawn(file, args.ask)
            sets[f"{Path(file).name} of {Path(folder).name}"] = ask_all(
                index, questions, args.device
            )
    ways = chosen_ways([asked[::2] for asked in sets.values()])
    for name, asked in sets.items():
        print(f"\n{name}: {len(asked[::2])} questions to choose, {len(asked[1::2])} to compare")
        show(ways, asked[1::2])


if __name__ == "__main__":
    main()
