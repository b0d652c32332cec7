"""Chooses the weight of rerankers at several depths and compares them with the retriever alone.

    python -m benchmarks.rerank INDEX QUESTIONS [--ask 1000] [--rerank reader FOLDER ...]

A reranker scores the first hits of each even question once; the weight with the best MRR there is
chosen for each depth, and the table is of the odd questions, in one run. Use development
questions: both halves are seen.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.retrieval_table import drawn, measure, reciprocal, table
from indexing.index import Index
from pipelines.ask import open_index_retriever
from pipelines.open_records import answer_key
from pipelines.questions import Question
from pipelines.stages import open_scorer
from retriever.hits import Hit, Retriever
from retriever.stages.reranking import RelevanceScorer, RerankingRetriever, reranked

WEIGHTS = [number / 10 for number in range(11)]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's hits, and which of them hold an answer."""

    text: str
    hits: list[Hit]
    right: frozenset[int]


def ask(retriever: Retriever, questions: Sequence[Question], depth: int) -> list[Asked]:
    asked = []
    found = retriever.retrieve([question.text for question in questions], depth)
    for question, hits in zip(questions, found, strict=True):
        key = answer_key(question, False)
        right = frozenset(hit.passage.id for hit in hits if key.found_in(hit.passage.text))
        asked.append(Asked(question.text, hits, right))
    return asked


def score(scorer: RelevanceScorer, asked: Sequence[Asked]) -> list[list[float]]:
    """Score all hits, one question at a time: what is in memory stays small."""
    return [scorer.score([one.text], [[hit.passage for hit in one.hits]])[0] for one in asked]


def mrr(
    asked: Sequence[Asked], scores: Sequence[Sequence[float]], depth: int, weight: float
) -> float:
    ranks = []
    for one, own in zip(asked, scores, strict=True):
        hits = reranked(one.hits, own[:depth], weight)
        right = (rank for rank, hit in enumerate(hits, 1) if hit.passage.id in one.right)
        ranks.append(next(right, 0))
    return float(reciprocal(ranks).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("questions")
    parser.add_argument("--ask", type=int, default=None, help="questions, drawn at random (all)")
    parser.add_argument("--retriever", default=None, help="hybrid, bm25 or dense")
    parser.add_argument("--rerank", nargs="+", default=["reader"], help="'reader', folders, names")
    parser.add_argument("--depths", type=int, nargs="+", default=[10, 20, 50])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    args = parser.parse_args()
    questions = drawn(args.questions, args.ask)
    tuning, held_back = questions[::2], questions[1::2]
    with Index.open(args.index) as index:
        retriever = open_index_retriever(index, args.retriever, None, args.device, args.precision)
        asked = ask(retriever, tuning, max(args.depths))
        rows = [measure("no reranker", retriever, held_back)]
        for name in args.rerank:
            scorer = open_scorer(name, args.device, args.precision)
            scores = score(scorer, asked)
            for depth in args.depths:
                found = {weight: mrr(asked, scores, depth, weight) for weight in WEIGHTS}
                best = max(found, key=lambda weight: found[weight])
                label = f"{Path(name).name}, {depth} deep, weight {best}"
                print(f"{label}: " + "  ".join(f"{w}: {m:.3f}" for w, m in found.items()))
                stage = RerankingRetriever(retriever, scorer, depth, best)
                rows.append(measure(label, stage, held_back))
    print(f"{len(tuning)} questions to choose, {len(held_back)} to compare: {args.questions}")
    print(table(rows))


if __name__ == "__main__":
    main()
