"""Open questions over one index: recall of every retriever, EM and F1 of the answers, in one run.

    python -m benchmarks.open_questions INDEX QUESTIONS [QUESTIONS ...] [--ask 2000] [--read 500]

Recall and MRR are over `--ask` questions of a file, all unless said (answer-string match); EM and
F1 over `--read` of them, since reading is a hundred times the work. Both are drawn at random with
a fixed seed. Latencies are those of single questions.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

from indexing.index import Index
from pipelines.ask import QuestionAnswering
from pipelines.evaluate_open import OpenSettings, evaluate_open
from pipelines.evaluate_retrieval import evaluate_retrieval
from pipelines.progress import open_progress
from pipelines.questions import load_questions

SEED = 13
DEPTHS = ("1", "5", "20", "100")


def interval(low: float, high: float) -> str:
    return f"[{low:.1f}, {high:.1f}]"


def row(index: Path, kind: str, file: Path, args: argparse.Namespace) -> dict[str, object]:
    """Measure one retriever on one file."""
    questions = load_questions(file)
    if args.ask and args.ask < len(questions):
        questions = random.Random(SEED).sample(questions, args.ask)
    sample = random.Random(SEED).sample(questions, min(args.read, len(questions)))
    progress = open_progress()
    with QuestionAnswering.load(index, retriever=kind, reader=args.reader) as qa:
        found = evaluate_retrieval(questions, qa.retriever, progress=progress)
        result: dict[str, object] = {"file": file.name, "retriever": kind, **found}
        if kind in args.read_with:
            settings = OpenSettings(top_k=args.top_k)
            result["open"] = evaluate_open(sample, qa, settings, progress=progress)
    return result


def show(result: dict) -> str:
    """Return a line of the table."""
    recall = " | ".join(f"{result['recall'][depth]:.1f}" for depth in DEPTHS)
    widest = interval(*result["ci95"]["recall"]["20"])
    line = f"| {result['file']} | {result['retriever']} | {result['n']:,} | {recall} | {widest} "
    line += f"| {result['mrr']:.3f} | {result['latency_ms']['p50']:.1f} ms "
    if "open" not in result:
        return line + "| | | |"
    answers = result["open"]
    exact = interval(*answers["ci95"]["exact_match"])
    return (
        f"{line}| {answers['n']:,} | {answers['exact_match']:.1f} {exact} | {answers['f1']:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", type=Path, nargs="+")
    parser.add_argument("--retrievers", nargs="+", default=["bm25", "dense", "hybrid"])
    parser.add_argument("--read-with", nargs="+", default=["bm25", "hybrid"])
    parser.add_argument("--ask", type=int, default=None, help="questions of each file")
    parser.add_argument("--read", type=int, default=500, help="questions whose answers are scored")
    parser.add_argument("--top-k", type=int, default=20, help="passages read")
    parser.add_argument("--reader", default=None)
    parser.add_argument("--out", type=Path, default=None, help="write the results as JSON here")
    args = parser.parse_args()
    with Index.open(args.index) as index:
        print(f"{len(index.passages):,} passages; recall@20 and EM with 95 % intervals")
    print(
        "| questions | retriever | n | R@1 | R@5 | R@20 | R@100 | R@20 interval | MRR "
        "| latency p50 | n read | EM | F1 |"
    )
    print("|---" * 13 + "|")
    results = []
    for file in args.questions:
        for kind in args.retrievers:
            results.append(row(args.index, kind, file, args))
            print(show(results[-1]), flush=True)
    if args.out:
        args.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
