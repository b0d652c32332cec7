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
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipelines.question_records import Record, read_records
from reader.normalising import normalise_answer

N = 8
_WORD = re.compile(r"\w+")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
Grams = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Contents:
    """A file's questions, normalised, and the hashes of the word runs of each context."""

    questions: set[str]
    contexts: list[Grams]
    grams: Grams
    """The distinct hashes of all contexts, sorted."""


def _hashes(text: str) -> Grams:
    """Return the distinct 64-bit hashes of all runs of eight lower-cased words."""
    words = _WORD.findall(text.lower())
    # Two checksums make 64 bits a word; Python's own hash differs from run to run.
    codes = [(crc32(word.encode()) << 32) | crc32(word[::-1].encode(), 1) for word in words]
    numbers = np.array(codes, dtype=np.uint64)
    size = min(N, len(numbers))
    mixed = np.zeros(len(numbers) - size + 1 if size else 0, dtype=np.uint64)
    for offset in range(size):
        mixed = mixed * _MULTIPLIER + numbers[offset : offset + len(mixed)]
    return np.unique(mixed)


def read_contents(records: Iterable[tuple[str, Record]]) -> Contents:
    """Read a file's records one by one, keeping hashes only."""
    questions: set[str] = set()
    contexts: list[Grams] = []
    seen: set[int] = set()
    for _, record in records:
        questions.add(normalise_answer(record["question"]))
        context = record.get("context")
        if context and hash(context) not in seen:
            seen.add(hash(context))
            contexts.append(_hashes(context))
    grams = np.unique(np.concatenate(contexts)) if contexts else _hashes("")
    return Contents(questions, contexts, grams)


def _among(values: Grams, known: Grams) -> NDArray[np.bool_]:
    """Say which values are known; `known` is sorted and not empty."""
    places = np.searchsorted(known, values)
    return known[np.minimum(places, len(known) - 1)] == values


def compare(train: Contents, test: Contents) -> dict[str, int]:
    """Count what the test file shares with the training file."""
    counts = {
        "questions": len(test.questions),
        "shared_questions": len(test.questions & train.questions),
    }
    if len(train.grams) and len(test.grams):
        shares = [float(_among(own, train.grams).mean()) for own in test.contexts if len(own)]
        counts |= {
            "contexts": len(test.contexts),
            "touched_contexts": sum(share > 0 for share in shares),
            "half_shared_contexts": sum(share >= 0.5 for share in shares),
            "grams": len(test.grams),
            "shared_grams": int(_among(test.grams, train.grams).sum()),
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
