"""Sets how thoroughly an approximate index searches, so that it finds what an exact search would.

The sample questions are short pieces of the passages themselves, encoded as questions: they are
not in the index, and lie about as far from it as real questions do.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoder.protocol import TextEncoder
from indexing.faiss_library import load_faiss
from indexing.passage_store import PassageStore

_DEPTH = 100
_QUESTIONS = 500
_TIMED = 50
_WORDS = 10  # about as many as questions have
_AGAIN = (16, 12, 8, 6, 4, 2, 1)  # candidates compared again, as a multiple of the depth
_MORE_BREADTH = 15  # steps: twice the lists cost more than fewer candidates save
_SEED = 17
_BY_LISTS, _BY_QUESTIONS = 15, 0  # FAISS' numbers for them (IndexIVFFastScan.h)


@dataclass(frozen=True, slots=True)
class Tuned:
    """FAISS search parameters and the recall they reach on `questions` sample questions.

    `recall` is the share of the exact best 100 found among the best 100.
    """

    parameters: str
    recall: float
    questions: int


def sample_questions(passages: PassageStore, encoder: TextEncoder) -> NDArray[np.float32]:
    """Return vectors of pieces of passages spread over the whole store."""
    rng = np.random.default_rng(_SEED)
    chosen = np.sort(rng.choice(len(passages), min(_QUESTIONS, len(passages)), replace=False))
    pieces = []
    for place in chosen.tolist():
        words = next(passages.texts(place, place + 1))[1].split()
        start = int(rng.integers(max(1, len(words) - _WORDS + 1)))
        pieces.append(" ".join(words[start : start + _WORDS]))
    return encoder.encode_questions(pieces)


def exact_search(
    questions: NDArray[np.float32], shards: Iterator[NDArray[np.float32]], vectors: int
) -> NDArray[np.int64]:
    """Return the ids of each question's best passages by dot product."""
    faiss = load_faiss()
    from faiss.contrib.exhaustive_search import knn_ground_truth

    depth = min(_DEPTH, vectors)
    _, ids = knn_ground_truth(questions, shards, depth, metric_type=faiss.METRIC_INNER_PRODUCT)
    exact: NDArray[np.int64] = ids
    return exact


def tune(
    index: Any, questions: NDArray[np.float32], exact: NDArray[np.int64], target: float
) -> Tuned:
    """Find and set the fastest parameters that reach the target, or the most thorough ones."""
    trial = _Trial(index, questions, exact)
    breadths = _breadths(index)
    good: list[tuple[float, str, float]] = []
    best = ("", 0.0)
    low, high = 0, len(breadths)
    for factor in _AGAIN if _has_again(index) else (0,):
        # The fewer candidates, the more breadth it takes, if any: so look there first.
        found, middle = None, low if good else (low + high) // 2
        while low < high:
            text = _text(breadths[middle], factor)
            recall = trial.recall(text)
            best = max(best, (text, recall), key=lambda one: one[1])
            if recall >= target:
                found, high = (text, recall), middle
            else:
                low = middle + 1
            middle = (low + high) // 2
        if found is None:
            break
        good.append((trial.seconds(found[0]), *found))
        high = min(len(breadths), low + _MORE_BREADTH)
    _, parameters, recall = min(good, default=(0.0, *best))
    set_parameters(index, parameters)
    return Tuned(parameters, recall, len(questions))


def use_all_cores(index: Any, method: int = _BY_LISTS) -> None:
    """Let the cores share the lists of one question, where the index can, or the questions."""
    faiss = load_faiss()

    ivf = faiss.try_extract_index_ivf(index)
    ivf = faiss.downcast_index(ivf) if ivf is not None else None
    if isinstance(ivf, faiss.IndexIVFFastScan):
        ivf.implem = method


def set_parameters(index: Any, parameters: str) -> None:
    """Set FAISS search parameters ("nprobe=16,k_factor_rf=4") in whatever wraps the index."""
    faiss = load_faiss()

    if parameters:
        space: Any = faiss.ParameterSpace()
        space.set_index_parameters(index, parameters)


class _Trial:
    """Measures parameters."""

    def __init__(
        self, index: Any, questions: NDArray[np.float32], exact: NDArray[np.int64]
    ) -> None:
        self._index, self._questions, self._exact = index, questions, exact

    def recall(self, parameters: str) -> float:
        """Return the share of the exact results that are found."""
        set_parameters(self._index, parameters)
        use_all_cores(self._index, _BY_QUESTIONS)
        _, ids = self._index.search(self._questions, self._exact.shape[1])
        same = [np.isin(one, other).mean() for one, other in zip(self._exact, ids, strict=True)]
        return float(np.mean(same))

    def seconds(self, parameters: str) -> float:
        """Return the median time of single questions."""
        set_parameters(self._index, parameters)
        use_all_cores(self._index)
        taken = []
        for row in range(min(_TIMED, len(self._questions))):
            before = time.perf_counter()
            self._index.search(self._questions[row : row + 1], self._exact.shape[1])
            taken.append(time.perf_counter() - before)
        return float(np.median(taken))


def _breadths(index: Any) -> Sequence[str]:
    """Return settings of the index's knob from quick to thorough; one empty one without a knob."""
    faiss = load_faiss()

    ivf = faiss.try_extract_index_ivf(index)
    if ivf is not None:
        return [f"nprobe={count}" for count in _steps(1, ivf.nlist)]
    if isinstance(_inner(index), faiss.IndexHNSW):
        return [f"efSearch={count}" for count in _steps(_DEPTH, 4_096)]
    return [""]


def _steps(first: int, last: int) -> list[int]:
    """Return whole numbers from first to last, each about a twentieth larger."""
    found = [first]
    while found[-1] < last:
        found.append(min(last, max(found[-1] + 1, round(found[-1] * 1.05))))
    return found


def _has_again(index: Any) -> bool:
    faiss = load_faiss()

    return isinstance(faiss.downcast_index(index), faiss.IndexRefine)


def _inner(index: Any) -> Any:
    """Return the index inside those that only translate ids, transform or compare again."""
    faiss = load_faiss()

    index = faiss.downcast_index(index)
    if isinstance(index, faiss.IndexRefine):
        return _inner(index.base_index)
    if isinstance(index, faiss.IndexIDMap | faiss.IndexPreTransform):
        return _inner(index.index)
    return index


def _text(breadth: str, factor: int) -> str:
    return ",".join(part for part in (breadth, f"k_factor_rf={factor}" if factor else "") if part)
