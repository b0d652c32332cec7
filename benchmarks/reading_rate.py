"""Passages a second when questions are read as `qa eval` reads them: many passages each.

Every question of a SQuAD-type file is read over its own context and the next ones of the file,
in batches of questions. What the model takes is told apart from what is around it: tokenising
and windows before, merging and choosing spans after. The share of the peak is the matrix
products that the rows take, padding not counted, over the speed of a large product of the same
precision, measured in the same run.

    python -m benchmarks.reading_rate SQUAD_FILE [--limit 200] [--passages 20] [--device cuda]
        [--precisions fp32 bf16] [--batch 64] [--workers 2] [--reader FOLDER]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.operations import bert_products, peak
from indexing.documents import Passage
from pipelines.metrics import squad_scores
from pipelines.questions import load_reading
from reader.load import load_reader, reader_folder


class Watched:
    """A session that adds up the time in it, and the lengths of the rows that it was given."""

    def __init__(self, session, workers: int | None) -> None:
        self._session = session
        self.workers, self.tokens = workers or session.workers, session.tokens
        self.seconds, self.padded = 0.0, 0
        self.lengths: list[np.ndarray] = []

    def run(self, ids, segments, mask):
        begin = time.perf_counter()
        outputs = self._session.run(ids, segments, mask)
        self.seconds += (time.perf_counter() - begin) / self.workers
        self.padded += ids.size
        self.lengths.append(mask.sum(axis=1))
        return outputs


def drawn(file: Path, limit: int, count: int) -> list[tuple[str, tuple[str, ...], list[Passage]]]:
    """Return evenly spaced questions, their answers, and `count` passages for each."""
    examples = [e for e in load_reading(file).examples if e.answers]
    texts = list(dict.fromkeys(e.context for e in examples))
    place = {text: number for number, text in enumerate(texts)}
    passages = [Passage(i, str(i), "", text, 0, len(text)) for i, text in enumerate(texts)]
    chosen = examples[:: max(1, len(examples) // limit)][:limit]
    return [
        (
            e.question,
            tuple(e.answers),
            [passages[(place[e.context] + step) % len(texts)] for step in range(count)],
        )
        for e in chosen
    ]


def measure(folder: Path, questions, precision: str, args: argparse.Namespace):
    """Return the seconds that passed, the watched session, and each question's best span."""
    reader = load_reader(folder, device=args.device, precision=precision).reader
    reader.read([questions[0][0]], [questions[0][2]])
    watched = Watched(reader._session, args.workers)
    reader._session = watched
    answers = []
    begin = time.perf_counter()
    for first in range(0, len(questions), args.batch):
        part = questions[first : first + args.batch]
        for spans in reader.read([q for q, _, _ in part], [own for _, _, own in part]):
            answers.append(spans[0].text if spans else "")
    return time.perf_counter() - begin, watched, answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--reader", default=None)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--passages", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--precisions", nargs="+", default=["fp32"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=None, help="threads that run batches")
    args = parser.parse_args()
    folder = reader_folder(args.reader)
    questions = drawn(args.file, args.limit, args.passages)
    count = sum(len(own) for _, _, own in questions)
    print(f"{len(questions)} questions of {args.file.name}, {args.passages} passages each")
    print("| precision | passages/s | tokens/s | in the model | share of the peak | padding | F1 |")
    print("|---|---|---|---|---|---|---|")
    for precision in args.precisions:
        seconds, watched, answers = measure(folder, questions, precision, args)
        lengths = np.concatenate(watched.lengths)
        share = bert_products(folder, lengths) / seconds / peak(args.device, precision)
        padding = 1 - lengths.sum() / watched.padded
        scores = [
            squad_scores(answer, gold, "1.1").f1
            for answer, (_, gold, _) in zip(answers, questions, strict=True)
        ]
        print(
            f"| {precision} | {count / seconds:,.0f} | {lengths.sum() / seconds:,.0f} "
            f"| {100 * watched.seconds / seconds:.0f} % | {100 * share:.1f} % "
            f"| {100 * padding:.1f} % | {100 * np.mean(scores):.1f} |"
        )


if __name__ == "__main__":
    main()
