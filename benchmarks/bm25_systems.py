"""BM25 alone, side by side in one run: SpanQA, bm25s, tantivy and rank-bm25 over the same passages.

    pip install tantivy
    python -m benchmarks.bm25_systems INDEX QUESTIONS [--passages N] [--small 20000] [--ask 1000]

Each system is a process of its own: it reads the passages from the index's store, builds, writes
its files (rank-bm25 has none), then answers one question at a time, 100 hits each. All have k1 0.9
and b 0.4 but for tantivy, whose 1.2 and 0.75 are fixed; titles count as words of the passage.
rank-bm25 scores every passage in Python, so it gets the first `--small` passages only, and so does
a second row of SpanQA beside it; both are asked 200 questions. Recall is by answer match (DPR's
definition). Peak memory is the whole process's; what is read from memory-mapped files counts.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.bm25_build import First
from encoder import cpu
from indexing.index import Index
from pipelines.answer_match import first_match
from pipelines.open_records import answer_key
from pipelines.questions import load_questions

DEPTH = 100
SMALL_ASK = 200
K1, B = 0.9, 0.4
Search = Callable[[str], Sequence[int]]
"""Returns passage numbers, best first."""


@dataclass(frozen=True, slots=True)
class Built:
    """A system ready to be asked, and the folder of its files, if it has any."""

    search: Search
    folder: Path | None


def spanqa(passages: First, folder: Path) -> Built:
    from indexing.lexical import LexicalIndex, LexicalSettings
    from indexing.lexical_build import build_lexical

    settings = LexicalSettings(k1=K1, b=B)
    build_lexical(passages, settings, folder / "work", folder / "bm25", lambda n: None)
    shutil.rmtree(folder / "work", ignore_errors=True)
    index = LexicalIndex(folder / "bm25", len(passages), settings)
    return Built(lambda q: index.search([q], DEPTH)[0][0].tolist(), folder)


def bm25s(passages: First, folder: Path) -> Built:
    import bm25s

    texts = [f"{title} {text}" for title, text in passages.texts(0, len(passages))]
    tokens = bm25s.tokenize(texts, stopwords="en", show_progress=False)
    index = bm25s.BM25(method="lucene", k1=K1, b=B, backend="numba")
    index.index(tokens, show_progress=False)
    index.save(folder / "bm25s")
    del texts, tokens
    index = bm25s.BM25.load(folder / "bm25s", mmap=True)
    index.backend = "numba"

    def search(question: str) -> Sequence[int]:
        words = bm25s.tokenize([question], stopwords="en", return_ids=False, show_progress=False)
        found, _ = index.retrieve(words, k=DEPTH, show_progress=False)
        return found[0].tolist()

    return Built(search, folder)


def tantivy(passages: First, folder: Path) -> Built:
    import re

    import tantivy

    schema = tantivy.SchemaBuilder()
    schema.add_integer_field("number", stored=True)
    schema.add_text_field("text")
    index = tantivy.Index(schema.build(), path=str(folder))
    writer = index.writer(512_000_000, cpu.threads())
    for number, (title, text) in enumerate(passages.texts(0, len(passages))):
        writer.add_document(tantivy.Document(number=number, text=f"{title} {text}"))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def search(question: str) -> Sequence[int]:
        words = " ".join(re.findall(r"\w+", question.lower()))  # its own syntax is not wanted
        hits = searcher.search(index.parse_query(words, ["text"]), DEPTH).hits
        return [searcher.doc(place)["number"][0] for _, place in hits]

    return Built(search, folder)


def rank_bm25(passages: First, folder: Path) -> Built:
    from rank_bm25 import BM25Okapi

    from indexing.words import WordSettings, analyzer

    analyse = analyzer(WordSettings())
    texts = [f"{title} {text}" for title, text in passages.texts(0, len(passages))]
    index = BM25Okapi([analyse(text) for text in texts], k1=K1, b=B)

    def search(question: str) -> Sequence[int]:
        return np.argsort(-index.get_scores(analyse(question)), kind="stable")[:DEPTH].tolist()

    return Built(search, None)


SYSTEMS = {"SpanQA": spanqa, "bm25s": bm25s, "tantivy": tantivy, "rank-bm25": rank_bm25}


def measured(system: str, folder: Path, questions: Path, passages: int, ask: int) -> dict:
    """Build, ask, and return the numbers of a row."""
    asked = load_questions(questions)[:ask]
    work = Path(tempfile.mkdtemp())
    with Index.open(folder) as index:
        chosen = First(index.passages, passages)
        begin = time.perf_counter()
        built = SYSTEMS[system](chosen, work)
        seconds = time.perf_counter() - begin
        for question in asked[:20]:
            built.search(question.text)
        ranks, times = [], []
        for question in asked:
            begin = time.perf_counter()
            found = built.search(question.text)
            times.append(1000 * (time.perf_counter() - begin))
            own = [index.passages[int(number)] for number in found]
            ranks.append(first_match(answer_key(question, False), own))
    size = sum(f.stat().st_size for f in work.rglob("*") if f.is_file()) if built.folder else 0
    shutil.rmtree(work)
    found = np.array(ranks)
    return {
        "system": system,
        "passages": len(chosen),
        "build_s": seconds,
        "bytes": size,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        "p50_ms": float(np.median(times)),
        "p95_ms": float(np.percentile(times, 95)),
        "recall": {k: 100 * float(((found > 0) & (found <= k)).mean()) for k in (1, 20, 100)},
    }


def table(rows: list[dict]) -> str:
    lines = [
        "| system | passages | build | passages/s | on disk | peak memory | p50 | p95 "
        "| R@1 | R@20 | R@100 |",
        "|---" * 11 + "|",
    ]
    for row in rows:
        recall = " | ".join(f"{value:.1f}" for value in row["recall"].values())
        disk = f"{row['bytes'] / 1e6:.0f} MB" if row["bytes"] else "none"
        lines.append(
            f"| {row['system']} | {row['passages']:,} | {row['build_s']:.1f} s "
            f"| {row['passages'] / row['build_s']:,.0f} | {disk} | {row['peak_mb']:.0f} MB "
            f"| {row['p50_ms']:.2f} ms | {row['p95_ms']:.2f} ms | {recall} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--passages", type=int, default=10**9, help="the first so many")
    parser.add_argument("--small", type=int, default=20_000)
    parser.add_argument("--ask", type=int, default=1000, help="the first so many questions")
    parser.add_argument("--only", choices=SYSTEMS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        row = measured(args.only, args.index, args.questions, args.passages, args.ask)
        print(json.dumps(row))
        return
    rows = []
    runs = [(name, args.passages) for name in ("SpanQA", "bm25s", "tantivy")]
    runs += [(name, args.small) for name in ("SpanQA", "rank-bm25")]
    for name, passages in runs:
        command = [sys.executable, "-m", "benchmarks.bm25_systems", str(args.index)]
        command += [str(args.questions), "--only", name, "--passages", str(passages)]
        ask = args.ask if passages == args.passages else min(args.ask, SMALL_ASK)
        done = subprocess.run(
            [*command, "--ask", str(ask)], check=True, stdout=subprocess.PIPE, text=True
        )
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(f"{name}: done", file=sys.stderr, flush=True)
    print(f"{args.questions.name}, first {args.ask}; {cpu.threads()} cores")
    print(table(rows))


if __name__ == "__main__":
    main()
