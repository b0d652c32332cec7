"""What each stage after retrieval does to recall, MRR and time, all in one run.

    python -m benchmarks.stages INDEX QUESTIONS [--ask 1000] [--rerank reader FOLDER ...]

Each row is the retriever with one stage, the last with all of them. A passage is right if it holds
an answer. Neighbours take places of deeper hits, so recall@100 shows what that costs. A stage that
asks the retriever for more than 100 hits makes hybrid retrieval fuse longer lists too. Times are
those of single questions, 100 hits each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.retrieval_table import drawn, measure, table
from indexing.index import Index
from pipelines.ask import open_index_retriever
from pipelines.stages import open_scorer
from retriever.stages.compose import StageSettings, with_stages


def ways(args: argparse.Namespace) -> dict[str, StageSettings]:
    """Return what is compared, by name."""
    depth, weight = args.depth, args.weight
    found = {
        "no stage": StageSettings(),
        "collapse duplicates": StageSettings(collapse_duplicates=True),
        f"per document {args.per_document}": StageSettings(per_document=args.per_document),
        f"neighbours {args.neighbours}": StageSettings(neighbours=args.neighbours),
    }
    for name in args.rerank:
        label = f"rerank {Path(name).name}, {depth} deep, weight {weight}"
        found[label] = StageSettings(name, depth, weight)
    if args.rerank:
        found["all"] = StageSettings(
            rerank=args.rerank[0],
            rerank_depth=depth,
            rerank_weight=weight,
            collapse_duplicates=True,
            per_document=args.per_document,
            neighbours=args.neighbours,
        )
    return found


def main() -> None:
    plain = StageSettings()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("questions")
    parser.add_argument("--ask", type=int, default=None, help="questions, drawn at random (all)")
    parser.add_argument("--retriever", default=None, help="hybrid, bm25 or dense")
    parser.add_argument("--rerank", nargs="*", default=["reader"], help="'reader', folders, names")
    parser.add_argument("--depth", type=int, default=plain.rerank_depth)
    parser.add_argument("--weight", type=float, default=plain.rerank_weight)
    parser.add_argument("--per-document", type=int, default=3)
    parser.add_argument("--neighbours", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    args = parser.parse_args()
    questions = drawn(args.questions, args.ask)
    scorers = {name: open_scorer(name, args.device, args.precision) for name in args.rerank}
    with Index.open(args.index) as index:
        retriever = open_index_retriever(index, args.retriever, None, args.device, args.precision)
        rows = []
        for name, settings in ways(args).items():
            scorer = scorers[settings.rerank] if settings.rerank else None
            stages = with_stages(index, retriever, settings, scorer)
            rows.append(measure(name, stages, questions))
        print(f"{len(questions):,} questions of {args.questions}, {len(index.passages):,} passages")
    print(table(rows))


if __name__ == "__main__":
    main()
