"""BM25, vectors, both, and both reranked, over the same questions of several files, in one run.

    python -m benchmarks.retrieval_methods INDEX QUESTIONS [QUESTIONS ...] [--ask 500]
        [--patterns FILE ...] [--rerank reader] [--rerank-depth 20] [--rerank-weight 0.5]
        [--peer-fusions] [--beside ENCODER]

Every table is of one file: recall and MRR by answer match with 95 % intervals, MRR's difference
to BM25's by paired bootstrap, and the mean time of a single question, 100 hits each; below it what
hybrid has more than each. Questions are drawn at random with a fixed seed. Choose depth and weight
by `benchmarks.rerank` on development questions. `--patterns` names files whose answers are regular
expressions.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.peer_fusions import PEER_FUSIONS
from benchmarks.retrieval_table import against, drawn, measure, table
from indexing.index import Index
from pipelines.ask import open_index_encoder, open_index_retriever
from pipelines.stages import open_stages
from retriever.hybrid import HybridRetriever
from retriever.stages.compose import StageSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", nargs="+")
    parser.add_argument("--ask", type=int, default=500, help="questions of each file")
    parser.add_argument("--patterns", nargs="*", default=[])
    parser.add_argument("--rerank", default="reader", help="'reader', a folder, a name, or none")
    parser.add_argument("--rerank-depth", type=int, default=20)
    parser.add_argument("--rerank-weight", type=float, default=0.5)
    parser.add_argument(
        "--peer-fusions", action="store_true", help="also fuse the same lists as others do"
    )
    parser.add_argument(
        "--beside", metavar="ENCODER", help="also ask by another encoder of the same vectors"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    args = parser.parse_args()
    with Index.open(args.index) as index:
        print(f"{len(index.passages):,} passages")
        rows = {
            kind: open_index_retriever(index, kind, None, args.device, args.precision)
            for kind in ("bm25", "dense", "hybrid")
        }
        if args.beside:
            for kind in ("dense", "hybrid"):
                rows[f"{kind}, {Path(args.beside).name}"] = open_index_retriever(
                    index, kind, args.beside, args.device, args.precision
                )
        if args.peer_fusions:
            encoder = open_index_encoder(index, None, args.device, args.precision)
            for name, fusion in PEER_FUSIONS.items():
                rows[name] = HybridRetriever(index, encoder, fusion)
        if args.rerank != "none":
            settings = StageSettings(args.rerank, args.rerank_depth, args.rerank_weight)
            name = f"hybrid, {args.rerank_depth} reranked"
            rows[name] = open_stages(index, rows["hybrid"], settings, args.device, args.precision)
        for file in args.questions:
            questions = drawn(file, args.ask)
            print(f"\n{Path(file).name}, n = {len(questions)}\n")
            patterns = file in args.patterns
            found = {name: measure(name, one, questions, patterns) for name, one in rows.items()}
            print(table(list(found.values())))
            print("\n" + against(found["hybrid"], list(found.values())), flush=True)


if __name__ == "__main__":
    main()
