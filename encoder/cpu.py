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
    """Tell whether bf16 matrices are faster than fp32's: with AMX, and on AMD's with AVX-512.

    Intel's AVX-512 bf16 makes them slower: 167 GFLOP/s, fp32 308, on two cores of a Xeon whose
    AMX is switched off; two cores of an EPYC make 975, fp32 211 (`benchmarks/matrix_products.py`).
    """
    amd = "sse4a" in found  # no other maker's processors have it
    return has_amx(found) or (amd and "avx512_bf16" in found)


def has_amx(found: frozenset[str]) -> bool:
    """Tell whether models run faster in bf16 than in int8: with AMX's tiles alone."""
    return "amx_bf16" in found


def has_dot_product(found: frozenset[str]) -> bool:
    """Tell whether sums of 8-bit products are exact: x86 with VNNI, Arm with its dot product."""
    return bool(found & {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})


def has_wide_dot_product(found: frozenset[str]) -> bool:
    """Tell whether 64 products of 8 bits are one instruction: x86 with AVX-512's VNNI."""
    return {"avx512_vnni", "avx512bw", "avx512dq", "avx512vl"} <= found


def threads() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
