"""Changes of a ready index: how soon they are searchable, what they cost, and whether kills harm.

    python -m benchmarks.live_changes CORPUS QUESTIONS WORK [--documents 50000] [--kills 100]

Builds a BM25 index of the first documents of CORPUS in the folder WORK, then adds, replaces and
removes documents that were kept back, and times a search after each step beside that of a fresh
build. Then a process that changes the index is killed with SIGKILL after a random time, again and
again; after each kill the index must verify, and hold the documents from before or after.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import statistics
import time
from itertools import islice
from pathlib import Path

from indexing.build import build_index
from indexing.changes import add_documents, delete_documents
from indexing.compaction import compact
from indexing.corpus import CorpusOptions, read_documents
from indexing.index import Index
from indexing.problems import Problems
from indexing.verify import verify
from pipelines.questions import load_questions


def write(path: Path, documents) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for document in documents:
            record = {"id": document.id, "title": document.title, "text": document.text}
            file.write(json.dumps(record) + "\n")
    return path


def search_ms(root: Path, questions: list[str]) -> float:
    with Index.open(root) as index:
        index.lexical.search(questions[:5], 100)
        times = []
        for question in questions:
            begun = time.perf_counter()
            index.lexical.search([question], 100)
            times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)


def timed(action) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def measure(root: Path, work: Path, kept: list, questions: list[str]) -> None:
    print("| step | seconds until searchable | segments | search, median ms |")
    print("|---|---|---|---|")

    def row(name: str, seconds: float) -> None:
        with Index.open(root) as index:
            segments = 1 + len(index.manifest.added)
        print(
            f"| {name} | {seconds:.2f} | {segments} | {search_ms(root, questions):.2f} |",
            flush=True,
        )

    row("built", 0.0)
    at = 0
    for count in (1, 100, 1000):
        source = write(work / "new.jsonl", kept[at : at + count])
        row(f"add {count:,}", timed(lambda source=source: add_documents(root, [source])))
        at += count
    with Index.open(root) as index:
        ids = [document.id for document in islice(index.documents, 200)]
    row("delete 100", timed(lambda: delete_documents(root, ids[:100])))
    source = write(work / "new.jsonl", [d for d in kept[:at] if d.id not in ids][:100])
    row("update 100", timed(lambda: add_documents(root, [source], replacing=True)))
    row("compact", timed(lambda: compact(root)))


def change(root: str, source: str, ids: list[str]) -> None:
    if source:
        add_documents(root, [source], replacing=True)
    else:
        delete_documents(root, ids)


def kill_often(work: Path, kept: list, kills: int) -> None:
    root = work / "killed"
    build_index([write(work / "base.jsonl", kept[:200])], root)
    chance = random.Random(3)
    tally = {"killed before the commit": 0, "killed after it": 0, "not killed in time": 0}
    for number in range(kills):
        with Index.open(root) as index:
            before = {document.id for document in index.documents}
        if number % 3 == 2:
            source, ids = "", chance.sample(sorted(before), 2)
            after = before - set(ids)
        else:
            new = chance.sample(kept, 5)
            source, ids = str(write(work / "one.jsonl", new)), []
            after = before | {document.id for document in new}
        child = multiprocessing.Process(target=change, args=(str(root), source, ids))
        child.start()
        child.join(chance.uniform(0.0, 0.15))
        if child.exitcode is None:
            os.kill(child.pid, signal.SIGKILL)
        child.join()
        report = verify(root)
        if not report.ok:
            raise SystemExit(f"kill {number}: {report.problems}")
        with Index.open(root) as index:
            now = {document.id for document in index.documents}
        if now not in (before, after):
            raise SystemExit(f"kill {number}: documents were lost")
        if child.exitcode == 0:
            tally["not killed in time"] += 1
        else:
            tally["killed after it" if now == after != before else "killed before the commit"] += 1
    told = ", ".join(f"{count} {name}" for name, count in tally.items())
    print(f"\n{kills} changes, each to be killed at a random moment: {told}; "
          "every index verified, no document lost")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--kills", type=int, default=100)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    documents = read_documents([args.corpus], CorpusOptions(), Problems())
    root = args.work / "index"
    shutil.rmtree(root, ignore_errors=True)
    build_index([write(args.work / "base.jsonl", islice(documents, args.documents))], root)
    kept = list(islice(documents, 2_000))
    questions = [question.text for question in load_questions(str(args.questions))[:200]]
    measure(root, args.work, kept, questions)
    shutil.rmtree(args.work / "killed", ignore_errors=True)
    kill_often(args.work, kept, args.kills)


if __name__ == "__main__":
    main()
