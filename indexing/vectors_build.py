"""Makes passage vectors: shards that survive a crash, then one FAISS file."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from encoder.protocol import TextEncoder
from indexing.files import publish
from indexing.passage_store import PassageStore
from indexing.vectors import FACTORY, VECTORS, passage_input

_SHARD = 1_024  # passages: some seconds of work on two cores


def build_vectors(
    passages: PassageStore,
    encoder: TextEncoder,
    work: Path,
    out: Path,
    advance: Callable[[int], None],
) -> None:
    """Encode all passages and write the FAISS file to `out`; `work` keeps finished shards."""
    work.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(passages), _SHARD):
        last = min(first + _SHARD, len(passages))
        path = work / f"{first:010d}.npy"
        if path.exists():
            advance(last - first)
        else:
            texts = [passage_input(title, text) for title, text in passages.texts(first, last)]
            _write_shard(encoder.encode(texts, advance), path)
    _write_index(sorted(work.glob("*.npy")), encoder.dimension, out / VECTORS)


def _write_shard(vectors: Any, path: Path) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.save(file, vectors.astype(np.float16))
    publish(temporary, path)


def _write_index(shards: list[Path], dimension: int, path: Path) -> None:
    import faiss

    index = faiss.index_factory(dimension, FACTORY, faiss.METRIC_INNER_PRODUCT)
    first = 0
    for shard in shards:
        vectors = np.load(shard).astype(np.float32)
        index.add_with_ids(vectors, np.arange(first, first + len(vectors)))
        first += len(vectors)
    temporary = path.with_name(path.name + ".tmp")
    try:
        faiss.write_index(index, str(temporary))
    except RuntimeError as error:  # FAISS does not say why; the usual reason is a full disk
        needed = first * dimension * 2
        full = shutil.disk_usage(path.parent).free < needed
        number = errno.ENOSPC if full else errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error
    publish(temporary, path)
