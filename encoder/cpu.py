"""What this processor is fast at."""

from __future__ import annotations

import os
from pathlib import Path


def flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Return the processor's feature flags; empty where the system does not tell them."""
    try:
        text = cpuinfo.read_text(encoding="ascii", errors="replace")
    except OSError:
        return frozenset()
    for line in text.splitlines():
        name, _, values = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(values.split())
    return frozenset()


def has_fast_bf16(found: frozenset[str]) -> bool:
    """Tell whether bf16 matrices are faster than fp32's.

    AVX-512's bf16 alone makes them slower: 167 GFLOP/s, fp32 308, on two cores of a Xeon whose
    AMX is switched off (`benchmarks/matrix_products.py`).
    """
    return "amx_bf16" in found


def has_dot_product(found: frozenset[str]) -> bool:
    """Tell whether sums of 8-bit products are exact: x86 with VNNI, Arm with its dot product."""
    return bool(found & {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})


def threads() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
