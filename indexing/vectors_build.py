"""Makes passage vectors: shards that survive a crash, then one FAISS file."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoder.protocol import TextEncoder
from indexing.errors import InputError
from indexing.faiss_library import load_faiss
from indexing.files import publish
from indexing.passage_store import PassageStore
from indexing.vectors import VECTORS, Stored
from indexing.vectors_gpu import cluster_on_gpu
from indexing.vectors_kinds import EXACT_FACTORY, VectorSettings, factory
from indexing.vectors_tuning import Tuned, exact_search, sample_questions, tune

_SHARD = 1_024  # passages: some seconds of work on two cores
_SAMPLE = 40  # vectors for each cluster to train on
_ROUNDS = 6  # of k-means; with 25, FAISS' own number, a recall takes as many lists
_LEAST_SAMPLE = 20_000  # vectors, for what needs no clusters
_ADDED = 32_768  # vectors added at once
_SEED = 5
_DEFAULT = VectorSettings()


@dataclass(frozen=True, slots=True)
class BuiltVectors:
    """The FAISS factory string and, for an approximate index, how it is to be searched."""

    factory: str
    search: Tuned | None


def build_vectors(
    passages: PassageStore,
    encoder: TextEncoder,
    work: Path,
    out: Path,
    advance: Callable[[int], None],
    settings: VectorSettings = _DEFAULT,
    known: Stored | None = None,
) -> BuiltVectors:
    """Encode all passages and write the FAISS file to `out`; `work` keeps finished shards.

    `known` are vectors of the same passages by the same encoder, which need not be made again.
    """
    name = factory(settings, len(passages), encoder.dimension)
    index = _empty(name, encoder.dimension, len(passages))
    work.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(passages), _SHARD):
        last = min(first + _SHARD, len(passages))
        path = work / f"{first:010d}.npy"
        if path.exists():
            advance(last - first)
        elif known is not None:
            _write_shard(known.stored(first, last), path)
            advance(last - first)
        else:
            texts = [encoder.passage_text(*one) for one in passages.texts(first, last)]
            _write_shard(encoder.encode(texts, advance), path)
    shards = _Shards(sorted(work.glob("*.npy")))
    _fill(index, name, shards)
    tuned = None
    if name != EXACT_FACTORY and len(passages):
        questions = sample_questions(passages, encoder)
        exact = exact_search(questions, iter(shards), len(passages))
        tuned = tune(index, questions, exact, settings.recall)
    _write_index(index, out / VECTORS)
    return BuiltVectors(name, tuned)


@dataclass(frozen=True, slots=True)
class _Shards:
    """All vectors, some thousand at a time, in single precision."""

    paths: Sequence[Path]

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        size = max(1, _ADDED // _SHARD)
        for first in range(0, len(self.paths), size):
            parts = [np.load(path) for path in self.paths[first : first + size]]
            yield np.concatenate(parts).astype(np.float32)

    def sample(self, size: int) -> NDArray[np.float32]:
        """Return about so many vectors, evenly from all shards, in no order."""
        lengths = [len(np.load(path, mmap_mode="r")) for path in self.paths]
        share = min(1.0, size / max(1, sum(lengths)))
        rng = np.random.default_rng(_SEED)
        parts = []
        for path, length in zip(self.paths, lengths, strict=True):
            rows = rng.choice(length, max(1, round(share * length)), replace=False)
            parts.append(np.load(path, mmap_mode="r")[np.sort(rows)].astype(np.float32))
        return rng.permutation(np.concatenate(parts))


def _write_shard(vectors: Any, path: Path) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.save(file, vectors.astype(np.float16))
    publish(temporary, path)


def _empty(name: str, dimension: int, vectors: int) -> Any:
    """Return an index that is neither trained nor filled, before any vector is made for it."""
    faiss = load_faiss()

    index = faiss.index_factory(dimension, name, faiss.METRIC_INNER_PRODUCT)
    ivf = faiss.try_extract_index_ivf(index)
    if ivf is not None and ivf.nlist > vectors:
        raise _untrainable(name, vectors, f"it has {ivf.nlist:,} clusters")
    return index


def _fill(index: Any, name: str, shards: _Shards) -> None:
    """Train an index and add all vectors; their ids are the passages'."""
    faiss = load_faiss()

    if not index.is_trained:
        ivf = faiss.try_extract_index_ivf(index)
        if ivf is not None:
            cluster_on_gpu(ivf)
            ivf.cp.niter = _ROUNDS
        _train(index, name, shards.sample(max(_LEAST_SAMPLE, _SAMPLE * ivf.nlist if ivf else 0)))
    ids = isinstance(index, faiss.IndexIDMap)
    for vectors in shards:
        if ids:
            index.add_with_ids(vectors, np.arange(index.ntotal, index.ntotal + len(vectors)))
        else:
            index.add(vectors)


def _train(index: Any, name: str, sample: NDArray[np.float32]) -> None:
    try:
        index.train(sample)
    except RuntimeError as error:
        why = str(error).rpartition("failed: ")[2]
        raise _untrainable(name, len(sample), why) from error


def _untrainable(name: str, vectors: int, why: str) -> InputError:
    return InputError(
        f"FAISS cannot make vectors of the kind {name!r} of {vectors:,} passages ({why}); "
        "build with another kind, such as --vectors exact."
    )


def _write_index(index: Any, path: Path) -> None:
    faiss = load_faiss()

    temporary = path.with_name(path.name + ".tmp")
    try:
        faiss.write_index(index, str(temporary))
    except RuntimeError as error:  # FAISS does not say why; the usual reason is a full disk
        needed = index.ntotal * index.d * 2
        full = shutil.disk_usage(path.parent).free < needed
        number = errno.ENOSPC if full else errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error
    publish(temporary, path)
