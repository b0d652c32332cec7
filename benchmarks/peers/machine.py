"""What the numbers were measured on."""

from __future__ import annotations

import platform
from pathlib import Path

from encoder import cpu

MATRIX_FLAGS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
MATRIX_FLAGS += ("asimddp", "bf16", "i8mm")


def _field(path: Path, name: str) -> str:
    """Return the first value of a field in a file of `name: value` lines, or ""."""
    if not path.is_file():
        return ""
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def describe(
    cpuinfo: Path = Path("/proc/cpuinfo"), meminfo: Path = Path("/proc/meminfo")
) -> dict[str, str]:
    """Return processor, cores, what it is fast at, memory, system and Python."""
    flags = cpu.flags(cpuinfo)
    memory = _field(meminfo, "MemTotal").split()
    fast = [flag for flag in MATRIX_FLAGS if flag in flags]
    missing = [] if cpu.has_dot_product(flags) else ["no 8-bit dot product, so int8 gains little"]
    if not cpu.has_fast_bf16(flags):
        missing.append("no bf16 arithmetic")
    processor = _field(cpuinfo, "model name") or platform.processor() or platform.machine()
    if family := _field(cpuinfo, "cpu family"):
        processor += f" (family {family}, model {_field(cpuinfo, 'model')})"
    return {
        "processor": processor,
        "cores": str(cpu.threads()),
        "matrix instructions": ", ".join([*fast, *missing]) or "unknown",
        "memory": f"{int(memory[0]) / 2**20:.0f} GiB" if memory else "unknown",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
