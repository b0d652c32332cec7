"""Kinds of FAISS indexes over the same real vectors: size, time, and recall on real questions.

    python -m benchmarks.vector_kinds INDEX QUESTIONS [--kinds exact ivf] [--passages N]
                                      [--copies 3] [--every 20] [--bm25]

The index must keep whole vectors. `--copies` makes the corpus larger: each further copy of a
vector is mixed with another passage's, so that it is near it but not the same. Recall is the share
of an exact search's best 100 that are found, on real questions; "sample" is what the build itself
measured on pieces of passages. Times are medians of single questions, after 20 to warm up.
`--bm25` builds BM25 over as many passages too and times all of a hybrid's ranking.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from encoder.load import load_encoder
from indexing.index import Index
from indexing.lexical import LexicalIndex, LexicalSettings
from indexing.lexical_build import build_lexical
from indexing.passage_store import PassageStore
from indexing.vectors import VECTORS, VectorIndex
from indexing.vectors_build import build_vectors
from indexing.vectors_kinds import VectorSettings
from indexing.vectors_tuning import exact_search
from pipelines.questions import load_questions

DEPTH = 100
BLOCK = 16_384


@dataclass(frozen=True, slots=True)
class Copied:
    """Passages and vectors of an index, several times over."""

    passages: PassageStore
    vectors: VectorIndex
    count: int
    copies: int

    def __len__(self) -> int:
        return self.count * self.copies

    def texts(self, first: int, last: int) -> Iterator[tuple[str, str]]:
        while first < last:
            place = first % self.count
            step = min(last - first, self.count - place)
            yield from self.passages.texts(place, place + step)
            first += step

    def stored(self, first: int, last: int) -> np.ndarray:
        parts = []
        while first < last:
            place = first % self.count
            step = min(last - first, self.count - place)
            rows = self.vectors.stored(place, place + step)
            if first >= self.count:
                shift = 1 + (first // self.count) * self.count // (self.copies + 1)
                other = (place + shift) % self.count
                step = min(step, self.count - other)
                rows = rows[:step] + 0.5 * self.vectors.stored(other, other + step)
            parts.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
            first += step
        return np.concatenate(parts)


def blocks(corpus: Copied) -> Iterator[np.ndarray]:
    for first in range(0, len(corpus), BLOCK):
        rows = corpus.stored(first, min(first + BLOCK, len(corpus)))
        yield rows.astype(np.float16).astype(np.float32)


def median_ms(work: Callable[[int], object], count: int) -> float:
    for number in range(min(20, count)):
        work(number)
    taken = []
    for number in range(count):
        before = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - before)
    return 1000 * float(np.median(taken))


SEARCH = """
import sys
from pathlib import Path
import numpy as np
from indexing.vectors import VectorIndex

def own():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(x for x in lines if "RssAnon" in x).split()[1]) * 1024

questions = np.load(sys.argv[3])
from indexing.faiss_library import load_faiss
load_faiss()
before = own()
index = VectorIndex(Path(sys.argv[1]), sys.argv[2])
for row in range(len(questions)):
    index.search(questions[row : row + 1], 100)
print(own() - before)
"""


def memory(path: Path, parameters: str, questions: np.ndarray) -> int:
    """Return the memory of a process of its own that searches; mapped files do not count.

    The system drops mapped files when it needs their room.
    """
    file = path.with_name("questions.npy")
    np.save(file, questions)
    command = [sys.executable, "-c", SEARCH, str(path), parameters, str(file)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(corpus: Copied, kinds: Sequence[str], questions: np.ndarray, encoder) -> None:
    exact = exact_search(questions, blocks(corpus), len(corpus))
    print(f"{len(corpus):,} passages, {len(questions)} questions, {questions.shape[1]} dimensions")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name) / "work"
        for kind in kinds:
            before = time.perf_counter()
            settings = VectorSettings(kind)
            made = build_vectors(
                corpus, encoder, work, Path(name), lambda n: None, settings, known=corpus
            )
            seconds = time.perf_counter() - before
            path = Path(name) / VECTORS
            parameters = made.search.parameters if made.search else ""
            index = VectorIndex(path, parameters)
            ids = np.concatenate(
                [index.search(questions[row : row + 1], DEPTH)[0] for row in range(len(questions))]
            )
            same = [np.isin(a, b).mean() for a, b in zip(exact, ids, strict=True)]
            ms = median_ms(
                lambda row, index=index: index.search(questions[row : row + 1], DEPTH),
                len(questions),
            )
            own = memory(path, parameters, questions)
            tuned = f"{made.search.recall:.4f} {made.search.parameters}" if made.search else ""
            size = path.stat().st_size / len(corpus)
            print(
                f"{made.factory:42} build {seconds:6.1f} s  {size:5.0f} B on disk  "
                f"{max(0, own) / len(corpus):5.0f} B in memory  recall {np.mean(same):.4f}  "
                f"{ms:6.2f} ms  sample {tuned}",
                flush=True,
            )
            del index


def hybrid(corpus: Copied, kind: str, texts: Sequence[str], encoder) -> None:
    """Time the parts of a hybrid's ranking of one question, and their sum."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = LexicalSettings()
        build_lexical(corpus, settings, folder / "work", folder / "bm25", lambda n: None)
        lexical = LexicalIndex(folder / "bm25", len(corpus), settings)
        made = build_vectors(
            corpus,
            encoder,
            folder / "vectors",
            folder,
            lambda n: None,
            VectorSettings(kind),
            known=corpus,
        )
        index = VectorIndex(folder / VECTORS, made.search.parameters if made.search else "")
        vectors = [encoder.encode_questions([text]) for text in texts]
        parts: dict[str, Callable[[int], object]] = {
            "encode": lambda row: encoder.encode_questions([texts[row]]),
            "bm25": lambda row: lexical.search([texts[row]], DEPTH),
            "vectors": lambda row: index.search(vectors[row], DEPTH),
        }
        parts["all"] = lambda row: (
            lexical.search([texts[row]], DEPTH),
            index.search(encoder.encode_questions([texts[row]]), DEPTH),
        )
        times = {part: median_ms(work, len(texts)) for part, work in parts.items()}
        print(f"{len(corpus):,} passages, {made.factory}, {len(texts)} questions, one at a time: ")
        print("  ".join(f"{part} {ms:.2f} ms" for part, ms in times.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("questions")
    parser.add_argument("--kinds", nargs="*", default=["exact", "int8", "hnsw", "ivf"])
    parser.add_argument("--passages", type=int, help="the first so many only")
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--every", type=int, default=20, help="ask each n-th question (20)")
    parser.add_argument("--bm25", action="store_true", help="time a hybrid with the last kind")
    parser.add_argument("--precision", default="auto")
    args = parser.parse_args()
    texts = [question.text for question in load_questions(args.questions)[:: args.every]]
    encoder = load_encoder(device="cpu", precision=args.precision)
    with Index.open(args.index) as index:
        count = min(args.passages or len(index.passages), len(index.passages))
        corpus = Copied(index.passages, index.vectors, count, args.copies)
        if args.bm25:
            hybrid(corpus, args.kinds[-1], texts, encoder)
        else:
            compare(corpus, args.kinds, encoder.encode_questions(texts), encoder)


if __name__ == "__main__":
    main()
