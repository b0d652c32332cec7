"""How time, size and recall grow with the passages: indexes of several sizes of one corpus.

    python -m benchmarks.scaling_curve CORPUS... --questions FILE --out DIR
        [--sizes 10000 100000 1000000] [--vectors-up-to 100000] [--vectors-from INDEX]
        [--ask 200] [--whole 21015324]

A size takes every n-th document, evenly spread over all files, until it has so many passages, so
that small sizes look like large ones. Each is built by `qa index build` in a process of its own;
sizes above `--vectors-up-to` have BM25 alone. Then a fresh process asks real questions one by one,
100 hits each: times are medians after 20 to warm up, question encoding included. "Touched" is what
of the index was in memory after the questions, by the kernel's count of the process. Recall over
few passages is low because the answer is not there: it tells nothing of the ranking.

With `--vectors-from` an index of the whole corpus lends its vectors to every size, so that they
are encoded once: the seconds of vectors are then those of filing them in FAISS.

The last table carries the largest size on to `--whole` passages. What grows with the passages
is scaled in proportion; times of a search by the power law between the two largest sizes.
Finished sizes in DIR are not built again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.full_setting import DPR, command
from benchmarks.full_setting import size as readable
from benchmarks.lent_vectors import Lent
from encoder import cpu
from indexing.corpus import CorpusOptions, read_documents
from indexing.documents import Document
from indexing.problems import Problems
from indexing.splitting import SplitSettings, split

DEPTH = 100
WARM_UP = 20
PAGE = resource.getpagesize()


def write_slices(files: list[Path], sizes: list[int], out: Path) -> None:
    """Write a JSONL file for each size that is not there yet."""
    missing = [number for number in sizes if not (out / f"{number}.jsonl").exists()]
    if not missing:
        return
    counts = [sum(1 for _ in split(document, SplitSettings())) for document in documents(files)]
    total = sum(counts)
    for number in missing:
        every = max(1, math.floor(total / number))
        part = out / f"{number}.part"
        with part.open("w", encoding="utf-8") as stream:
            left = number
            for document, passages in zip(documents(files, every), counts[::every], strict=False):
                record = {"id": document.id, "title": document.title, "text": document.text}
                stream.write(json.dumps(record, ensure_ascii=False) + "\n")
                left -= passages
                if left <= 0:
                    break
        part.replace(out / f"{number}.jsonl")


def documents(files: list[Path], every: int = 1) -> Iterator[Document]:
    return itertools.islice(read_documents(files, CorpusOptions(), Problems()), 0, None, every)


def build(source: Path, index: Path, *, vectors: bool, lender: Path | None) -> dict:
    record = index.with_suffix(".build.json")
    if not record.exists():
        options = [] if vectors and lender is None else ["--no-vectors"]
        built = command("index", "build", str(source), "--out", str(index), "--resume", *options)
        record.write_text(json.dumps(built, indent=2) + "\n")
    built = json.loads(record.read_text())
    if vectors and lender is not None and not built["vectors"]:
        built = built | borrow_vectors(index, lender, built)
        record.write_text(json.dumps(built, indent=2) + "\n")
    return built


def borrow_vectors(index: Path, lender: Path, built: dict) -> dict:
    from indexing.build import add_vectors
    from pipelines.progress import open_progress

    added = add_vectors(index, Lent(lender), open_progress())
    return {
        "vectors": added.vectors,
        "files": built["files"] | dict(added.files),
        "seconds": built["seconds"] | {"vectors": added.seconds["vectors"]},
    }


def resident() -> int:
    """Return the bytes of this process that are in memory, mapped files included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def ask(folder: Path, questions: Path, count: int) -> dict:
    """Time every retriever that the index has; one process, nothing else in it."""
    from encoder.load import load_encoder
    from indexing.index import Index
    from pipelines.answer_match import first_match
    from pipelines.open_records import answer_key
    from pipelines.questions import load_questions
    from retriever.open import open_retriever

    asked = load_questions(questions)[:count]
    results = {}
    encoder = load_encoder()
    encoder.encode_questions([question.text for question in asked[:WARM_UP]])
    with Index.open(folder) as index:
        kinds = ("bm25", "dense", "hybrid") if index.vectors is not None else ("bm25",)
        before = resident()
        for kind in kinds:
            retriever = open_retriever(index, kind, encoder)
            for question in asked[:WARM_UP]:
                retriever.retrieve([question.text], DEPTH)
            times, ranks = [], []
            for question in asked:
                begin = time.perf_counter()
                (hits,) = retriever.retrieve([question.text], DEPTH)
                times.append(1000 * (time.perf_counter() - begin))
                own = [hit.passage for hit in hits]
                ranks.append(first_match(answer_key(question, False), own))
            found = np.array(ranks)
            results[kind] = {
                "p50_ms": float(np.median(times)),
                "p95_ms": float(np.percentile(times, 95)),
                "recall": {k: 100 * float(((found > 0) & (found <= k)).mean()) for k in (20, 100)},
            }
        results["touched"] = resident() - before
    return results


def measured_table(rows: list[tuple[dict, dict]]) -> list[str]:
    lines = [
        "| passages | read | BM25 | vectors | peak memory | disk, bytes a passage "
        "| touched, bytes a passage | retriever | p50 | p95 | R@20 | R@100 |",
        "|---" * 12 + "|",
    ]
    for built, asked in rows:
        passages, seconds = built["passages"], built["seconds"]
        cells = [f"{passages:,}"]
        cells += [
            f"{seconds[s]:.1f} s" if s in seconds else "-" for s in ("read", "bm25", "vectors")
        ]
        cells.append(readable(built["peak_memory"]))
        cells.append(f"{sum(built['files'].values()) / passages:,.0f}")
        cells.append(f"{asked['touched'] / passages:,.0f}")
        for kind in ("bm25", "dense", "hybrid"):
            if kind not in asked:
                continue
            one = asked[kind]
            recall = [f"{one['recall'][k]:.1f}" for k in ("20", "100")]
            own = [kind, f"{one['p50_ms']:.2f} ms", f"{one['p95_ms']:.2f} ms", *recall]
            lines.append("| " + " | ".join([*cells, *own]) + " |")
            cells = [""] * len(cells)
    return lines


def whole_table(rows: list[tuple[dict, dict]], whole: int) -> list[str]:
    """Return the arithmetic of the estimate, a line for each quantity."""
    lines = ["", f"| quantity | of | arithmetic | {whole:,} passages |", "|---|---|---|---|"]
    for stage in ("read", "bm25", "vectors"):
        having = [built for built, _ in rows if stage in built["seconds"]]
        if having:
            n, seconds = having[-1]["passages"], having[-1]["seconds"][stage]
            lines.append(
                f"| {stage} | {n:,} | {seconds:.1f} s x {whole / n:.1f} "
                f"| {seconds * whole / n / 3600:.1f} h |"
            )
    n, disk = rows[-1][0]["passages"], sum(rows[-1][0]["files"].values())
    lines.append(
        f"| disk | {n:,} | {readable(disk)} x {whole / n:.1f} | {readable(disk * whole / n)} |"
    )
    for kind in ("bm25", "dense", "hybrid"):
        points = [(b["passages"], a[kind]["p50_ms"]) for b, a in rows if kind in a]
        if len(points) < 2:
            continue
        (n0, t0), (n1, t1) = points[-2:]
        power = math.log(t1 / t0) / math.log(n1 / n0)
        lines.append(
            f"| {kind}, p50 | {n1:,} | {t1:.2f} ms x {whole / n1:.1f}^{power:.2f} "
            f"({10**power:.2f} times for ten times the passages) "
            f"| {t1 * (whole / n1) ** power:.1f} ms |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path, nargs="*")
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--vectors-up-to", type=int, default=100_000)
    parser.add_argument("--vectors-from", type=Path, help="an index that lends its vectors")
    parser.add_argument("--ask", type=int, default=200)
    parser.add_argument("--whole", type=int, default=DPR)
    parser.add_argument("--only", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        print(json.dumps(ask(args.only, args.questions, args.ask)))
        return
    args.out.mkdir(parents=True, exist_ok=True)
    write_slices(args.corpus, sorted(args.sizes), args.out)
    rows = []
    for number in sorted(args.sizes):
        index = args.out / f"index-{number}"
        vectors = number <= args.vectors_up_to
        built = build(
            args.out / f"{number}.jsonl", index, vectors=vectors, lender=args.vectors_from
        )
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.scaling_curve", "--only", str(index),
             "--questions", str(args.questions), "--out", str(args.out), "--ask", str(args.ask)],
            check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        rows.append((built, json.loads(done.stdout.splitlines()[-1])))
    head = f"{args.questions.name}, first {args.ask}; {cpu.threads()} cores"
    text = "\n".join([head, "", *measured_table(rows), *whole_table(rows, args.whole)]) + "\n"
    (args.out / "table.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
