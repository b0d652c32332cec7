"""Questions about graphs, one table: the reader alone, one step and several, and matched relations.

    python -m benchmarks.graph_questions DATA INDEXES [--sample 250] [--sets worldcup-paths ...]

DATA holds the folders worldcup2014, metaqa, pathquestion and simplequestions; INDEXES an index of
each graph (built where it is missing). Every set is halved by its topic entity: questions whose
entity has an odd CRC-32 are for tuning and fitting, the others are reported, so that no entity is
on both sides. SimpleQuestions has a training file, which fits; its dev file is halved too.
Reading takes most of the time, so a sample of the reported half, drawn with a fixed seed, is read.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import zlib
from dataclasses import dataclass
from pathlib import Path

from encoder.load import load_encoder
from indexing.build import build_index
from indexing.index import Index
from indexing.manifest import is_index
from pipelines.ask import QuestionAnswering
from pipelines.evaluate_graph import evaluate_graph
from pipelines.graph_answers import GraphSettings
from pipelines.graph_fitting import FitSettings, fit_paths
from pipelines.progress import open_progress
from pipelines.questions import Question
from retriever.graph import GraphView

SEED = 13
DEPTHS = ("1", "5", "20")


@dataclass(frozen=True)
class Task:
    """A set of questions: its file, its graph, how far its answers are away, what fits."""

    name: str
    questions: str
    graph: str
    hops: int
    train: str | None = None
    fitted: int = 2000


TASKS = (
    Task("worldcup-paths", "worldcup2014/wc-p2-dev.jsonl.gz", "worldcup2014/kb.tsv", 2),
    Task("worldcup-both", "worldcup2014/wc-c-dev.jsonl.gz", "worldcup2014/kb.tsv", 1),
    Task("metaqa-1", "metaqa/1hop-dev.jsonl.gz", "metaqa/kb.txt.gz", 1),
    Task("metaqa-2", "metaqa/2hop-dev.jsonl.gz", "metaqa/kb.txt.gz", 2, fitted=1000),
    Task("metaqa-3", "metaqa/3hop-dev.jsonl.gz", "metaqa/kb.txt.gz", 3, fitted=300),
    Task("pathquestion-2", "pathquestion/2h.jsonl.gz", "pathquestion/2h-kb.tsv", 2),
    Task("pathquestion-3", "pathquestion/3h.jsonl.gz", "pathquestion/3h-kb.tsv", 3),
    Task(
        "simplequestions",
        "simplequestions/dev.jsonl.gz",
        "simplequestions/triples.tsv.gz",
        1,
        "simplequestions/train.jsonl.gz",
        10_000,
    ),
)


def read(path: Path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def entity(record: dict) -> str:
    """Return the entity that a question is about."""
    for name in ("entity", "subject"):
        if name in record:
            return record[name]
    return record["path"].split("#")[0]


def halves(records: list[dict]) -> tuple[list[Question], list[Question]]:
    """Return the questions to tune with and those to report, by their entities' checksum."""
    tune, report = [], []
    for number, record in enumerate(records):
        half = tune if zlib.crc32(entity(record).encode()) % 2 else report
        half.append(Question(str(number), record["question"], tuple(record["answer"])))
    return tune, report


def load(task: Task, data: Path) -> tuple[list[Question], list[Question]]:
    """Return what fits and what is reported."""
    tune, report = halves(read(data / task.questions))
    if task.train is not None:
        first, second = halves(read(data / task.train))
        tune = first + second
    return tune, report


def sampled(questions: list[Question], size: int) -> list[Question]:
    return random.Random(SEED).sample(questions, min(size, len(questions)))


def index_of(task: Task, data: Path, indexes: Path) -> Path:
    folder = indexes / task.graph.replace("/", "-").split(".")[0]
    if not is_index(folder):
        build_index([data / task.graph], folder, encoder=load_encoder(), progress=open_progress())
    return folder


def fit(task: Task, index: Path, questions: list[Question]) -> Path:
    file = index.parent / f"{task.name}.paths.safetensors"
    encoder = load_encoder()
    with Index.open(index) as opened:
        view = GraphView(opened)
        chosen = sampled(questions, task.fitted)
        found = fit_paths(chosen, view, encoder, FitSettings(task.hops), open_progress())
    found.paths.save(file)
    print(f"{task.name}: {found.explained} of {found.questions} questions explained by "
          f"{len(found.paths.paths)} paths", flush=True)  # fmt: skip
    return file


def systems(task: Task, paths: Path | None) -> dict[str, GraphSettings]:
    chosen = {"reader": GraphSettings(match=False)}
    if task.hops > 1:
        chosen[f"reader, {task.hops} hops"] = GraphSettings(match=False, hops=task.hops)
    chosen["matched"] = GraphSettings(hops=task.hops)
    if paths is not None:
        chosen["fitted"] = GraphSettings(hops=task.hops, paths=paths)
    return chosen


def show(task: Task, system: str, result: dict) -> str:
    cells = [task.name, system, str(result["n"])]
    for k in ("1", "5"):
        low, high = result["ci95"]["hits"][k]
        cells.append(f"{result['hits'][k]:.1f} [{low:.1f}, {high:.1f}]")
    # With fewer passages read there is no recall so deep.
    cells += [f"{result['recall'][k]:.1f}" if k in result["recall"] else "" for k in DEPTHS]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("indexes", type=Path)
    parser.add_argument("--sample", type=int, default=250, help="questions read of each set")
    parser.add_argument("--sets", nargs="+", default=[task.name for task in TASKS])
    parser.add_argument("--systems", nargs="+", default=None)
    parser.add_argument("--no-fit", action="store_true")
    parser.add_argument("--tuning", action="store_true", help="score the tuning half instead")
    parser.add_argument("--top-k", type=int, default=20)
    args = parser.parse_args()
    print("| questions | answered by | n | hits@1 | hits@5 | R@1 | R@5 | R@20 |")
    print("|---" * 8 + "|")
    for task in TASKS:
        if task.name not in args.sets:
            continue
        index = index_of(task, args.data, args.indexes)
        tune, report = load(task, args.data)
        paths = None if args.no_fit else fit(task, index, tune)
        asked = sampled(tune if args.tuning else report, args.sample)
        for name, settings in systems(task, paths).items():
            if args.systems and name.split(",")[0] not in args.systems:
                continue
            with QuestionAnswering.load(index, graph=settings) as qa:
                result = evaluate_graph(asked, qa, top_k=args.top_k, progress=open_progress())
            print(show(task, name, result), flush=True)


if __name__ == "__main__":
    main()
