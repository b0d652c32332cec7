"""Make everything under data/ from the source files.

    python -m benchmarks.make_demo_data SHARED_DATA OUT

`SHARED_DATA` holds corpora/, open/, reading/ and kg/ as data/README.md names them. The candidates
for demo questions were looked through by eye once; `CHOSEN` names those that were kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from benchmarks.demo_data.corpus import CorpusSettings, pick_corpus, write_corpus
from benchmarks.demo_data.graph import connected, questions_about, read_triples
from benchmarks.demo_data.questions import pick_questions
from benchmarks.demo_data.reading import sample

CHOSEN = Path(__file__).parent / "demo_data" / "chosen.txt"


def write_lines(path: Path, records: Iterable[dict[str, object]]) -> int:
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    shared, out = args.shared, args.out
    (out / "knowledge_graph").mkdir(parents=True, exist_ok=True)
    corpus = out / "demo_corpus.jsonl.xz"
    if not corpus.exists():
        articles = pick_corpus(
            shared / "corpora/simplewiki.jsonl.xz",
            shared / "corpora/vital-articles.txt",
            CorpusSettings(),
        )
        write_corpus(articles, corpus)
    sources = {
        "nq-open-tune": shared / "open/nq-open-tune.jsonl.gz",
        "webquestions-train": shared / "open/webquestions-train.jsonl.gz",
        "triviaqa-dev": shared / "open/triviaqa-dev.jsonl.gz",
        "squad1.1-train": shared / "open/squad1.1-train-questions.jsonl.gz",
    }
    chosen = frozenset(CHOSEN.read_text().split())
    found = pick_questions(corpus, sources, chosen)
    print(write_lines(out / "demo_questions.jsonl", found), "demo questions")
    reading = sample(shared / "reading/train/squad1.1-train-original.json.gz", 100, 20, seed=7)
    (out / "reading_sample.json").write_text(json.dumps(reading, ensure_ascii=False) + "\n")
    triples = connected(read_triples(shared / "kg/metaqa/kb.txt.gz"), 3000, seed=7)
    graph = out / "knowledge_graph" / "triples.tsv"
    graph.write_text("".join("\t".join(triple) + "\n" for triple in triples), encoding="utf-8")
    asked = questions_about(shared / "kg/metaqa/1hop-dev.jsonl.gz", triples, 150)
    print(write_lines(out / "knowledge_graph" / "questions.jsonl", asked), "graph questions")


if __name__ == "__main__":
    main()
