"""Vectors on a GPU, where `faiss-gpu` is installed and finds one; elsewhere nothing changes."""

from __future__ import annotations

from typing import Any

from indexing.faiss_library import load_faiss

_BLOCK = 65_536  # vectors copied at once


def gpus() -> int:
    """Return the number of GPUs that FAISS can use."""
    faiss = load_faiss()

    return int(faiss.get_num_gpus()) if hasattr(faiss, "StandardGpuResources") else 0


def cluster_on_gpu(ivf: Any) -> None:
    """Let the GPU find the clusters of an untrained index, the longest part of its training."""
    faiss = load_faiss()

    if gpus():
        flat = faiss.IndexFlatIP(ivf.d)
        ivf.clustering_index = faiss.index_cpu_to_all_gpus(flat)


def on_gpu(index: Any) -> Any | None:
    """Return an exact half-precision index on the GPU of the same vectors and ids.

    A GPU compares a question with every passage in less time than the rest of an answer takes.
    None without a GPU, when its memory is too small, or when the index keeps no whole vectors.
    """
    faiss = load_faiss()

    if not gpus() or not index.ntotal:
        return None
    source = whole_vectors(index)
    if source is None:
        return None
    resources = faiss.StandardGpuResources()
    settings = faiss.GpuIndexFlatConfig()
    settings.useFloat16 = True
    try:
        copy = faiss.GpuIndexFlatIP(resources, index.d, settings)
        for first in range(0, index.ntotal, _BLOCK):
            copy.add(source.reconstruct_n(first, min(_BLOCK, index.ntotal - first)))
    except RuntimeError:  # FAISS' way to say that the memory does not suffice
        return None
    return copy


def whole_vectors(index: Any) -> Any | None:
    """Return the part of an index that keeps all vectors in half precision, in order, or None."""
    faiss = load_faiss()

    index = faiss.downcast_index(index)
    if isinstance(index, faiss.IndexRefine):
        return whole_vectors(index.refine_index)
    if isinstance(index, faiss.IndexIDMap):
        return whole_vectors(index.index)
    if isinstance(index, faiss.IndexHNSW):
        return whole_vectors(index.storage)
    fp16 = faiss.ScalarQuantizer.QT_fp16
    scalar = isinstance(index, faiss.IndexScalarQuantizer) and index.sq.qtype == fp16
    return index if scalar else None
