"""Build BM25 over the same passages twice: by SpanQA, and by bm25s' own tokenizer and index.

    python -m benchmarks.bm25_build INDEX [--passages 100000]

Reading the passages from the index's store is counted on both sides, writing the files too.
Prints passages a second, processor seconds, and the ratio.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from indexing.index import Index
from indexing.lexical import LexicalSettings
from indexing.lexical_build import build_lexical


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that a build took."""

    wall: float
    processor: float


class First:
    """The first passages of a store."""

    def __init__(self, passages, count: int) -> None:
        self._passages, self._count = passages, min(count, len(passages))

    def __len__(self) -> int:
        return self._count

    def texts(self, first: int, last: int):
        return self._passages.texts(first, last)


def timed(work: Callable[[], None]) -> Cost:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - processor)


def ours(passages: First, folder: Path) -> None:
    build_lexical(passages, LexicalSettings(), folder / "work", folder / "bm25", lambda n: None)


def theirs(passages: First, folder: Path) -> None:
    import bm25s

    texts = [f"{title} {text}" for title, text in passages.texts(0, len(passages))]
    tokens = bm25s.tokenize(texts, stopwords="en", show_progress=False)
    index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    index.index(tokens, show_progress=False)
    index.save(folder / "bm25s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with Index.open(args.index) as index:
        passages = First(index.passages, args.passages)
        best: dict[str, Cost] = {}
        for _ in range(args.rounds):
            for name, build in (("SpanQA", ours), ("bm25s", theirs)):
                folder = Path(tempfile.mkdtemp())
                cost = timed(lambda build=build, folder=folder: build(passages, folder))
                shutil.rmtree(folder)
                old = best.get(name, cost)
                best[name] = Cost(min(old.wall, cost.wall), min(old.processor, cost.processor))
    print(f"{len(passages):,} passages, best of {args.rounds} rounds")
    for name, cost in best.items():
        print(
            f"{name:8} {cost.wall:7.2f} s  {len(passages) / cost.wall:9,.0f} passages/s  "
            f"{cost.processor:7.2f} processor s"
        )
    wall = best["bm25s"].wall / best["SpanQA"].wall
    print(f"ratio    {wall:.2f} by the clock, ", end="")
    print(f"{best['bm25s'].processor / best['SpanQA'].processor:.2f} by the processor")


if __name__ == "__main__":
    main()
