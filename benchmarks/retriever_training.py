"""Recall and MRR of two encoders over the same passages: before and after training.

The passages are those of an index that hold an answer of a question, as far as BM25 finds them
among its first 100, and others drawn at random. Both encoders rank all of them by exact search; a
question without a passage that holds an answer is left out. Differences are tested by a paired
bootstrap over questions.

    python benchmarks/retriever_training.py BASE NEW --index DIR --questions FILE
        [--others 20000] [--limit 1000]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from encoder.load import load_encoder
from indexing.index import Index
from pipelines.answer_masks import AnswerMasks
from pipelines.questions import load_questions
from pipelines.statistics import paired_bootstrap

DEPTHS = (1, 5, 20, 100)
BATCH = 64


def choose(index: Index, questions, others: int, seed: int = 7):
    """Return passages: BM25's first 100 that hold an answer, and `others` more."""
    found, _ = index.lexical.search([question.text for question in questions], k=100)
    chosen = set()
    for question, ids in zip(questions, found, strict=True):
        own = [int(number) for number in ids if number >= 0]
        texts = [passage.text for passage in index.passages.get(own)]
        (held,) = AnswerMasks([question.answers], texts).held([0], range(len(own)))
        chosen |= {number for number, right in zip(own, held, strict=True) if right}
    drawn = np.random.default_rng(seed).permutation(len(index.passages))[:others]
    return index.passages.get(sorted(chosen | set(drawn.tolist())))


def first_ranks(questions, passages, encoder):
    """Return the rank of the first passage with an answer, 0 for none, for each question."""
    texts = [encoder.passage_text(passage.title, passage.text) for passage in passages]
    vectors = encoder.encode(texts)
    masks = AnswerMasks([q.answers for q in questions], [p.text for p in passages])
    numbers = list(range(len(passages)))
    ranks = []
    for start in range(0, len(questions), BATCH):
        batch = list(range(start, min(start + BATCH, len(questions))))
        scores = encoder.encode_questions([questions[q].text for q in batch]) @ vectors.T
        held = masks.held(batch, numbers)
        best = np.where(held, scores, -np.inf).max(1)
        ranks += np.where(held.any(1), 1 + (scores > best[:, None]).sum(1), 0).tolist()
    return np.asarray(ranks)


def measures(ranks):
    """Return recall in per cent by depth, and MRR, one value for each question."""
    found = {f"recall@{k}": 100.0 * (ranks <= k) for k in DEPTHS}
    return found | {"MRR": 1 / ranks}


def table(base, new) -> str:
    """Return the mean of both encoders, the difference, its interval and its p-value."""
    lines = [f"{'':<12}{'base':>9}{'new':>9}{'new - base':>12}{'95 %':>20}{'p':>8}"]
    first, second = measures(base), measures(new)
    for name, values in first.items():
        d = paired_bootstrap(second[name], values)
        lines.append(
            f"{name:<12}{values.mean():>9.3f}{second[name].mean():>9.3f}{d.difference:>+12.3f}"
            f"{f'[{d.low:+.3f}, {d.high:+.3f}]':>20}{d.p_value:>8.3f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", help="an encoder's folder, or default")
    parser.add_argument("new", help="the folder of the trained encoder")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--questions", required=True)
    parser.add_argument("--others", type=int, default=20_000)
    parser.add_argument("--limit", type=int, default=1000)
    args = parser.parse_args()
    questions = load_questions(args.questions)[: args.limit]
    with Index.open(args.index) as index:
        passages = choose(index, questions, args.others)
    base, new = (first_ranks(questions, passages, load_encoder(n)) for n in (args.base, args.new))
    known = base > 0
    print(f"{known.sum()} of {len(questions)} questions, {len(passages)} passages")
    print(table(base[known], new[known]))


if __name__ == "__main__":
    main()
