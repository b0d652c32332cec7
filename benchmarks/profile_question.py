"""One warm question, stage by stage, with the least time that each stage could take here.

    python -m benchmarks.profile_question INDEX QUESTIONS [--limit 60] [--top-k 20]

Questions are asked one at a time; the table has medians. The least time of a model is its matrix
products at the measured speed of a large one in the same number format; that of an exact vector
search is its vectors read once at the measured speed of memory. Stages without such a limit are
overhead: the goal is none.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.operations import bert_products, peak
from encoder import cpu
from encoder.load import default_folder
from encoder.session import pick
from pipelines import ask
from pipelines.ask import QuestionAnswering
from pipelines.questions import load_questions
from reader.inference import SpanReader
from reader.load import reader_folder
from reader.rescoring import MarkedReader
from retriever import hybrid

WARM_UP = 5
BESIDE = "BM25, beside the vectors"  # another core does it: it takes no time of its own


class Clock:
    """Adds up the time spent in wrapped functions, by stage, for the question asked now."""

    def __init__(self) -> None:
        self.stages: dict[str, list[float]] = defaultdict(list)
        self._now: dict[str, float] = defaultdict(float)

    def wrap(self, owner, name: str, stage: str) -> None:
        function = getattr(owner, name)

        def timed(*args, **kwargs):
            begin = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._now[stage] += 1000 * (time.perf_counter() - begin)

        setattr(owner, name, timed)

    def close_question(self, keep: bool) -> None:
        if keep:
            for stage, value in self._now.items():
                self.stages[stage].append(value)
        self._now.clear()

    def median(self, stage: str) -> float:
        return float(np.median(self.stages[stage])) if self.stages[stage] else 0.0


def memory_speed() -> float:
    """Return bytes per second of one pass over a large array by all cores."""
    from concurrent.futures import ThreadPoolExecutor

    parts = [np.ones(32 * 2**20, np.float32) for _ in range(cpu.threads())]
    best = float("inf")
    with ThreadPoolExecutor(len(parts)) as pool:
        for _ in range(5):
            begin = time.perf_counter()
            list(pool.map(np.sum, parts))
            best = min(best, time.perf_counter() - begin)
    return sum(part.nbytes for part in parts) / best


def instrument(clock: Clock, lengths: list[int]) -> None:
    """Time the stages, and note how long the rows are that the reader reads."""
    clock.wrap(hybrid, "bm25_rankings", BESIDE)
    clock.wrap(hybrid, "dense_neighbours", "dense")
    clock.wrap(hybrid, "hits", "fetching passages")
    clock.wrap(SpanReader, "_tokenize", "reader: tokenising")
    clock.wrap(SpanReader, "_rows", "reader: windows")
    clock.wrap(SpanReader, "_run", "reader: model")
    clock.wrap(SpanReader, "_decode", "reader: decoding")
    clock.wrap(ask, "rank_answers", "ranking")
    clock.wrap(MarkedReader, "rescore", "reading again")
    clock.wrap(QuestionAnswering, "_cite", "citing")
    clock.wrap(QuestionAnswering, "ask_batch", "all")
    rows = SpanReader._rows

    def counted(*given):
        found = rows(*given)
        lengths.extend(len(row.window.ids) for row in found)
        return found

    SpanReader._rows = counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--top-k", type=int, default=20)
    args = parser.parse_args()
    asked = [q.text for q in load_questions(args.questions)[: args.limit + WARM_UP]]
    clock, lengths = Clock(), []
    instrument(clock, lengths)
    with QuestionAnswering.load(args.index, retriever="hybrid") as qa:
        encoder = qa.retriever._encoder
        clock.wrap(encoder, "encode_questions", "question's vector")
        vectors = qa._index.vectors
        for number, question in enumerate(asked):
            if number == WARM_UP:
                lengths.clear()
            qa.ask(question, top_k=args.top_k)
            clock.close_question(number >= WARM_UP)
        count, dimension = len(qa._index.passages), 384
    del vectors
    n = len(clock.stages["all"])
    precision = pick("cpu", "auto")[1]
    speed = peak("cpu", precision)
    least = {
        "reader: model": 1000 * bert_products(reader_folder(None), np.array(lengths)) / n / speed,
        "question's vector": 1000 * bert_products(default_folder(), np.array([16])) / speed,
        "vector search": 1000 * count * dimension * 2 / memory_speed(),
    }
    for within, part, rest in (
        ("dense", "question's vector", "vector search"),
        ("ranking", "reading again", "ranking answers"),
    ):
        pairs = zip(clock.stages[within], clock.stages[part] or [0.0] * n, strict=True)
        clock.stages[rest] = [all_ - own for all_, own in pairs]
    print(
        f"{n} questions, {args.top_k} of {count:,} passages read, {np.sum(lengths) / n:,.0f} word "
        f"pieces a question, {precision}, {cpu.threads()} cores, products at {speed / 1e9:,.0f} "
        "GFLOP/s"
    )
    print("| stage | ms (median) | share | least ms | times the least |")
    print("|---|---|---|---|---|")
    whole = clock.median("all")
    stages = [s for s in clock.stages if s not in ("all", "dense", "ranking")]
    for stage in sorted(stages, key=lambda s: -clock.median(s)):
        ms = clock.median(stage)
        limit = f"{least[stage]:.2f} | {ms / least[stage]:.1f}" if stage in least else " | "
        print(f"| {stage} | {ms:.2f} | {100 * ms / whole:.1f} % | {limit} |")
    rest = whole - sum(clock.median(stage) for stage in stages if stage != BESIDE)
    print(f"| all else | {rest:.2f} | {100 * rest / whole:.1f} % | | |")
    print(f"| **all** | {whole:.2f} | 100 % | {sum(least.values()):.2f} | |")


if __name__ == "__main__":
    main()
