"""How long one question takes: warm in one process, and cold as a new `qa ask`.

    python -m benchmarks.ask_latency INDEX QUESTIONS [--limit 100] [--top-k 5 10 20]

Questions are asked one at a time, as a user would, after a few that are not counted. A cold start
is the whole command in a new process, with the index in the page cache of the system.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from encoder import cpu
from pipelines.ask import QuestionAnswering
from pipelines.questions import load_questions

WARM_UP = 5


def warm(index: Path, retriever: str, questions: list[str], top_k: int) -> dict[str, list[float]]:
    """Return milliseconds by stage, one value a question."""
    with QuestionAnswering.load(index, retriever=retriever) as qa:
        for question in questions[:WARM_UP]:
            qa.ask(question, top_k=top_k)
        stages: dict[str, list[float]] = {"retrieve": [], "read": [], "total": []}
        for question in questions[WARM_UP:]:
            timings = qa.ask(question, top_k=top_k).timings_ms
            for stage, values in stages.items():
                values.append(timings[stage])
    return stages


def cold(index: Path, retriever: str, questions: list[str], top_k: int) -> list[float]:
    """Return milliseconds of whole processes."""
    command = [sys.executable, "-m", "pipelines.cli", "ask", "--index", str(index), "--json"]
    command += ["--retriever", retriever, "--top-k", str(top_k)]
    times = []
    for question in questions:
        begin = time.perf_counter()
        subprocess.run([*command, question], check=True, capture_output=True)
        times.append(1000 * (time.perf_counter() - begin))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--top-k", type=int, nargs="+", default=[5, 10, 20])
    parser.add_argument("--retrievers", nargs="+", default=["bm25", "hybrid"])
    parser.add_argument("--cold", type=int, default=5, help="cold starts of each kind")
    parser.add_argument("--out", type=Path, default=None, help="write the rows as JSON here")
    args = parser.parse_args()
    questions = [q.text for q in load_questions(args.questions)[: args.limit + WARM_UP]]
    print(f"{len(questions) - WARM_UP} questions of {args.questions.name}, {cpu.threads()} cores")
    print(
        "| retriever | passages read | warm p50 | warm p95 | retrieve p50 | read p50 | cold p50 |"
    )
    print("|---|---|---|---|---|---|---|")
    rows = []
    for retriever in args.retrievers:
        for top_k in args.top_k:
            stages = warm(args.index, retriever, questions, top_k)
            p50 = {stage: float(np.median(values)) for stage, values in stages.items()}
            p95 = float(np.percentile(stages["total"], 95))
            start = float(np.median(cold(args.index, retriever, questions[: args.cold], top_k)))
            print(
                f"| {retriever} | {top_k} | {p50['total']:.0f} ms | {p95:.0f} ms "
                f"| {p50['retrieve']:.0f} ms | {p50['read']:.0f} ms | {start:.0f} ms |",
                flush=True,
            )
            rows.append({"retriever": retriever, "top_k": top_k, **p50, "p95": p95, "cold": start})
    if args.out:
        args.out.write_text(json.dumps({"n": len(questions) - WARM_UP, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
