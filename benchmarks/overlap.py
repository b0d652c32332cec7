"""Shows what test files share with training files: questions, and 8-grams of contexts.

    python benchmarks/overlap.py --train TRAIN... --test TEST... [--json]

For every pair it prints how many test questions stand in the training file too (equal after
SQuAD's normalisation), and, where both files have contexts, how many test contexts share at
least one run of eight words with a training context, how many share at least half of theirs,
and the share of all distinct runs. A context under eight words counts as one run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from indexing.json_files import Record
from pipelines.question_records import read_records
from pipelines.word_runs import Runs, share_known, word_runs
from reader.normalising import normalise_answer


@dataclass(frozen=True, slots=True)
class Contents:
    """A file's questions, normalised, and the hashes of the word runs of each context."""

    questions: set[str]
    contexts: list[Runs]
    grams: Runs
    """The distinct hashes of all contexts, sorted."""


def read_contents(records: Iterable[tuple[str, Record]]) -> Contents:
    """Read a file's records one by one, keeping hashes only."""
    questions: set[str] = set()
    contexts: list[Runs] = []
    seen: set[int] = set()
    for _, record in records:
        questions.add(normalise_answer(record["question"]))
        context = record.get("context")
        if context and hash(context) not in seen:
            seen.add(hash(context))
            contexts.append(word_runs(context))
    grams = np.unique(np.concatenate(contexts)) if contexts else word_runs("")
    return Contents(questions, contexts, grams)


def compare(train: Contents, test: Contents) -> dict[str, int]:
    """Count what the test file shares with the training file."""
    counts = {
        "questions": len(test.questions),
        "shared_questions": len(test.questions & train.questions),
    }
    if len(train.grams) and len(test.grams):
        shares = [share_known(own, train.grams) for own in test.contexts]
        counts |= {
            "contexts": len(test.contexts),
            "touched_contexts": sum(share > 0 for share in shares),
            "half_shared_contexts": sum(share >= 0.5 for share in shares),
            "grams": len(test.grams),
            "shared_grams": round(share_known(test.grams, train.grams) * len(test.grams)),
        }
    return counts


def _cell(counts: Mapping[str, int], part: str, whole: str) -> str:
    if part not in counts:
        return "-"
    return f"{counts[part]:,} ({100 * counts[part] / max(1, counts[whole]):.2f} %)"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--train", nargs="+", required=True, metavar="FILE")
    parser.add_argument("--test", nargs="+", required=True, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    chosen = parser.parse_args(arguments)
    tests = {name: read_contents(read_records(name)) for name in chosen.test}
    rows = []
    for name in chosen.train:
        train = read_contents(read_records(name))
        rows += [
            {"train": name, "test": test, **compare(train, contents)}
            for test, contents in tests.items()
        ]
    if chosen.json:
        print(json.dumps(rows, indent=1))
        return
    print("| train | test | same questions | contexts sharing a run | half shared | runs |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        cells = [
            _cell(row, "shared_questions", "questions"),
            _cell(row, "touched_contexts", "contexts"),
            _cell(row, "half_shared_contexts", "contexts"),
            _cell(row, "shared_grams", "grams"),
        ]
        print(f"| {Path(row['train']).name} | {Path(row['test']).name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
