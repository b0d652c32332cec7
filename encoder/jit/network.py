"""The whole encoder as one function of machine code, and the room that it works in."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoder.jit.layout import LANES, LONGEST, ROWS, STRIDE, WIDTH

ROOM = ("sums", "states", "bytes", "scales", "joined", "mixed", "inner", "inner_bytes")
ROWS_OF = ("word", "kind", "place")
SUMMED = ("words", "kinds", "places")
STRIPS = ("scores", "weights")
WORK = ("queries", "keys", "values", *STRIPS)
PRODUCT = ("weights", "steps", "shift", "bias", "far")
NORM = ("weight", "bias", "balance")
PRODUCTS = ("joined", "output", "up", "down")
NORMS = ("middle", "last")

Run = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the machine code depends on."""

    layers: int
    hidden: int
    heads: int
    inner: int
    far: int
    epsilon: float
    half: bool
    half_tables: bool

    @property
    def width(self) -> int:
        """Numbers in a head."""
        return self.hidden // self.heads


def pointers(layers: int) -> list[str]:
    """Return the names in the table of pointers that a run is given, in order."""
    products = [f"{product}.{part}" for product in PRODUCTS for part in PRODUCT]
    norms = [f"{norm}.{part}" for norm in NORMS for part in NORM]
    names = [f"first.{part}" for part in NORM]
    names += [f"{layer}.{name}" for layer in range(layers) for name in (*products, *norms)]
    return [*ROOM, *WORK, *SUMMED, *ROWS_OF, *names]


def machine_code(sizes: Sizes) -> bytes:
    """Compile the encoder for this processor; an object file of the function `run`."""
    from llvmlite import binding, ir

    from encoder.jit.layers import emit_run

    module = ir.Module("bert")
    module.triple = binding.get_process_triple()
    emit_run(module, sizes)
    machine = target_machine()
    parsed = binding.parse_assembly(str(module))
    tuning = binding.create_pipeline_tuning_options(speed_level=2)
    tuning.loop_unrolling = False  # the loops' bodies fill the registers already
    builder = binding.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(parsed, builder)
    code: bytes = machine.emit_object(parsed)
    return code


def code_name() -> str:
    """Return a name for the compiler, the processor, and the files that write the code."""
    import llvmlite
    from llvmlite import binding

    digest = hashlib.blake2b(digest_size=8)
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    parts = (llvmlite.__version__, binding.get_host_cpu_name(), _features())
    digest.update("|".join(parts).encode())
    return digest.hexdigest()


def load_code(code: bytes) -> tuple[Run, object]:
    """Return the function of an object file, and what it lives as long as.

    The function takes the addresses of the table of pointers and of the rows' lengths, and how
    many rows there are.
    """
    from llvmlite import binding

    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target_machine())
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address("run")
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    return kind(address), engine


def _features() -> str:
    from llvmlite import binding

    features: str = binding.get_host_cpu_features().flatten()
    return features


def target_machine() -> Any:
    """Return LLVM's view of this very processor."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    target = binding.Target.from_default_triple()
    return target.create_target_machine(
        cpu=binding.get_host_cpu_name(), features=_features() + ",-prefer-256-bit", opt=3, jit=True
    )


class Room:
    """What one thread works in: arrays for `LONGEST` pieces, and the table of pointers."""

    def __init__(self, sizes: Sizes, weights: dict[str, NDArray[Any]]) -> None:
        rows = LONGEST + WIDTH + ROWS
        hidden, inner = sizes.hidden, sizes.inner
        strip = ROWS * STRIDE + LANES
        widths = {"sums": hidden, "states": hidden, "joined": 3 * hidden, "mixed": hidden}
        shapes: dict[str, tuple[int, ...]] = {
            name: (rows, width) for name, width in (widths | {"inner": inner}).items()
        }
        shapes |= {name: (strip if name in STRIPS else rows * sizes.width,) for name in WORK}
        shapes |= {"scales": (rows,)}
        self._arrays = {name: aligned(np.zeros(s, np.float32)) for name, s in shapes.items()}
        for name, width in (("bytes", hidden), ("inner_bytes", inner)):
            self._arrays[name] = aligned(np.zeros((rows, width), np.uint8))
        for name in ROWS_OF:
            self._arrays[name] = aligned(np.zeros(rows, np.int32))
        found = weights | self._arrays
        self._table = np.array(
            [found[name].ctypes.data for name in pointers(sizes.layers)], dtype=np.uint64
        )
        self.table: int = self._table.ctypes.data
        self.states = self._arrays["states"]
        self.rows_of = [self._arrays[name] for name in ROWS_OF]


def aligned(values: NDArray[Any]) -> NDArray[Any]:
    """Return a copy that begins at a line of the cache."""
    raw = np.zeros(values.nbytes + 64, dtype=np.uint8)
    start = -raw.ctypes.data % 64
    copy = raw[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy
