"""BERT in int8 on processors with AVX-512 VNNI, by machine code made for the model.

See `encoder.jit`; `encoder.onnx_runtime` runs int8 on all other processors.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoder import cpu
from encoder.batching import stacked
from encoder.bert import Array, Head
from encoder.channel_reach import outlier_count
from encoder.checkpoint import Checkpoint, read_checkpoint, read_config
from encoder.jit.layout import LANES, LONGEST, WIDTH
from encoder.jit.network import (
    SUMMED,
    Room,
    Sizes,
    aligned,
    code_name,
    load_code,
    machine_code,
)
from encoder.jit.weights import HEAD, TABLES, rounded_weights
from encoder.model_cache import cached_model
from encoder.weights_file import write_weights


def can_run(folder: Path) -> bool:
    """Tell whether this processor, and the sizes of a checkpoint's layers, are served here.

    Raises:
        InputError: the checkpoint's configuration is unusable.
    """
    config = read_config(folder)
    whole = all(n % WIDTH == 0 for n in (config.hidden // config.heads, config.inner))
    return cpu.has_wide_dot_product(cpu.flags()) and whole and config.positions <= LONGEST


class JitSession:
    """A loaded model; threads may share it, each run works in a room of its own.

    Rows stand one after the other, so that nothing is padded, and read the weights once; every word
    piece has an int8 scale of its own, so that no row depends on what it is run with.
    Rounded weights and machine code are kept in the user's cache folder.
    """

    tokens = LONGEST

    def __init__(self, folder: Path, head: Head, *, threads: int) -> None:
        self.workers = threads
        self._head = head
        config, found = read_config(folder), cpu.flags()
        tensors = _tensors(folder)
        tables = [tensors.pop(name) for name in TABLES]
        half = all(table.dtype == np.float16 for table in tables)
        self._limits = [len(table) for table in tables]
        self._sizes = Sizes(
            layers=config.layers,
            hidden=config.hidden,
            heads=config.heads,
            inner=config.inner,
            far=outlier_count(config.inner, LANES),
            epsilon=config.epsilon,
            half="avx512_bf16" in found and cpu.has_fast_bf16(found),
            half_tables=half,
        )
        head_tensors = [name for name in tensors if name.startswith(HEAD)]
        self._model = Checkpoint(
            config, {name.removeprefix(HEAD): tensors.pop(name) for name in head_tensors}
        )
        self._rounded = {name: aligned(tensor) for name, tensor in tensors.items()}
        kind = np.float16 if half else np.float32
        for name, table in zip(SUMMED, tables, strict=True):
            self._rounded[name] = np.ascontiguousarray(table, dtype=kind)
        self._run, self._engine = load_code(_code(folder, self._sizes))
        self._rooms: list[Room] = []  # those that no thread works in

    def run(
        self, ids: NDArray[np.int32], segments: NDArray[np.int32], mask: NDArray[np.int32]
    ) -> list[NDArray[np.float32]]:
        """Return the head's outputs for one padded batch; those of padding are 0."""
        kept, lengths = mask.astype(bool), mask.sum(axis=1)
        rows = [
            row
            for batch in _batches(lengths)
            for row in self._rows(
                ids[batch][kept[batch]], segments[batch][kept[batch]], lengths[batch]
            )
        ]
        return [stacked([row[number][0] for row in rows]) for number in range(len(rows[0]))]

    def _rows(
        self, ids: NDArray[np.int32], segments: NDArray[np.int32], lengths: NDArray[np.int64]
    ) -> list[list[Array]]:
        """Return the head's outputs for rows that stand one after the other."""
        try:
            room = self._rooms.pop()
        except IndexError:
            room = Room(self._sizes, self._rounded)
        ends = np.cumsum(lengths)
        places = np.arange(len(ids)) - np.repeat(ends - lengths, lengths)
        numbers: tuple[NDArray[Any], ...] = (ids, segments, places)
        for target, source, limit in zip(room.rows_of, numbers, self._limits, strict=True):
            if source.max() >= limit:  # machine code would read what is behind the table
                raise IndexError(f"no embedding {source.max()}: there are {limit}")
            target[: len(ids)] = source
        lengths = np.ascontiguousarray(lengths, dtype=np.int64)
        self._run(room.table, lengths.ctypes.data, len(lengths))
        states = room.states[: len(ids)].copy()
        self._rooms.append(room)
        rows = np.split(states, ends[:-1])
        return [self._head(_Arrays(), self._model, row[None], None) for row in rows]


def _batches(lengths: NDArray[np.int64]) -> Iterator[slice]:
    """Yield runs of rows of at most `LONGEST` pieces together."""
    start = total = 0
    for row, length in enumerate(lengths.tolist()):
        if row > start and total + length > LONGEST:
            yield slice(start, row)
            start, total = row, 0
        total += length
    yield slice(start, len(lengths))


class _Arrays:
    """What heads are made of, on arrays; see `encoder.bert.HeadPrimitives`."""

    def small_linear(self, states: Array, weight: Array, bias: Array) -> Array:
        product: Array = states @ weight.T + bias
        return product

    def mean(self, states: Array, mask: None) -> Array:
        del mask
        total = states.sum(axis=1)
        unit: Array = total / np.linalg.norm(total, axis=1, keepdims=True)
        return unit

    def first(self, states: Array) -> Array:
        return states[:, 0]


def _tensors(folder: Path) -> dict[str, NDArray[Any]]:
    """Return what `rounded_weights` makes of a checkpoint, from the cache where it is there."""
    from safetensors.numpy import load_file

    from encoder.onnx_runtime import checkpoint_reach

    def made() -> dict[str, NDArray[Any]]:
        checkpoint = read_checkpoint(folder)
        return rounded_weights(checkpoint, checkpoint_reach(checkpoint, folder))

    def write(target: Path) -> None:
        write_weights(made(), target)

    file = cached_model(folder, "int8-packed", write, ".safetensors")
    return load_file(file) if file else made()


def _code(folder: Path, sizes: Sizes) -> bytes:
    """Return the machine code, from the cache where it is there for this very processor."""

    def write(target: Path) -> None:
        target.write_bytes(machine_code(sizes))

    file = cached_model(folder, f"int8-code-{code_name()}", write, ".o")
    return file.read_bytes() if file else machine_code(sizes)
