"""How FAISS keeps the vectors: by name, by factory string, or chosen by their number.

- `exact` compares a question with every passage, in half precision.
- `int8` does so with one byte a value, and compares the best again in half precision.
- `hnsw` walks a graph of neighbours (Malkov and Yashunin 2018) over half-precision vectors.
- `ivf` looks into the nearest of many clusters, at codes of 4 bits for each 2 values (product
  quantisation: Jégou et al. 2011; André et al. 2015), and compares the best again.

"Again" is FAISS' own `Refine`: the half-precision vectors lie in the same file, memory-mapped,
and of them only the candidates are read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from indexing.errors import InputError
from indexing.faiss_library import load_faiss

AUTO, EXACT, INT8, HNSW, IVF = "auto", "exact", "int8", "hnsw", "ivf"
KINDS = (AUTO, EXACT, INT8, HNSW, IVF)
EXACT_FACTORY = "IDMap2,SQfp16"
_AGAIN = ",Refine(SQfp16)"
# Up to this size an exact search takes about 4 ms on one core (benchmarks/vector_kinds.py).
_SMALL = 64 * 1024**2
_LINKS = 32
_LEAST = {2: 16, 4: 256}  # vectors to train on, by values a code; the rotation needs 256
_FEW_LISTS = 4_096  # above it, finding the nearest clusters needs an index of its own


@dataclass(frozen=True, slots=True)
class VectorSettings:
    """The kind of FAISS index, and what it must reach.

    `recall` is the share of an exact search's best 100 that a search must find; `memory` bounds
    the bytes that a search keeps in memory, where `kind` is "auto".
    """

    kind: str = AUTO
    recall: float = 0.98
    memory: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.recall <= 1:
            raise InputError(f"The recall of vectors is a share above 0, not {self.recall}.")


def factory(settings: VectorSettings, vectors: int, dimension: int) -> str:
    """Return the FAISS factory string for so many vectors.

    Raises:
        InputError: the kind is neither a name nor a factory string that FAISS can make.
    """
    kind = settings.kind
    if kind == AUTO:
        return _chosen(settings, vectors, dimension)
    if kind == EXACT:
        return EXACT_FACTORY
    if kind == INT8:
        return "SQ8" + _AGAIN
    if kind == HNSW:
        return f"HNSW{_LINKS}_SQfp16"
    if kind == IVF:
        return _ivf(vectors, dimension, values=2)
    _check(kind, dimension)
    return kind


def memory_of(found: str, vectors: int, dimension: int) -> int:
    """Return about how many bytes of one of the chosen kinds a search keeps in memory."""
    per_vector = {EXACT_FACTORY: 2 * dimension, "SQ8" + _AGAIN: dimension}.get(found)
    if per_vector is not None:
        return vectors * per_vector
    codes = dimension // (8 if "OPQ" in found else 4)
    return vectors * (codes + 8) + 4 * dimension * _lists(vectors)


def _chosen(settings: VectorSettings, vectors: int, dimension: int) -> str:
    """Exact while that is quick, then the kind with the most detail that the memory allows."""
    exact = 2 * vectors * dimension
    limit = math.inf if settings.memory is None else settings.memory
    small = exact <= _SMALL
    rough = _ivf(vectors, dimension, values=4)
    kinds = [EXACT_FACTORY, "SQ8" + _AGAIN] if small else []
    kinds += [_ivf(vectors, dimension, values=2), rough]
    return next((one for one in kinds if memory_of(one, vectors, dimension) <= limit), rough)


def _ivf(vectors: int, dimension: int, values: int) -> str:
    """Return IVF with product quantisation of so many values a code of 4 bits.

    Too few vectors to train it are compared exactly.
    """
    if vectors < _LEAST[values]:
        return EXACT_FACTORY
    lists = _lists(vectors)
    coarse = f"IVF{lists}" if lists <= _FEW_LISTS else f"IVF{lists}_HNSW{_LINKS}"
    parts = max(1, dimension // values)
    while dimension % parts:
        parts -= 1
    rotation = f"OPQ{parts}," if values > 2 else ""
    return f"{rotation}{coarse},PQ{parts}x4fs{_AGAIN}"


def _lists(vectors: int) -> int:
    """Return the power of two nearest to four times the square root of the number of vectors."""
    return int(2 ** max(0, round(math.log2(4 * math.sqrt(max(1, vectors))))))


def _check(kind: str, dimension: int) -> None:
    faiss = load_faiss()

    try:
        faiss.index_factory(dimension, kind, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError:
        raise InputError(
            f"The kind of vectors {kind!r} is neither one of {', '.join(KINDS)} nor a FAISS "
            f"factory string for {dimension} dimensions."
        ) from None
