"""FAISS, loaded so that it knows the processor.

Its wheels bring an OpenBLAS of 2021, which takes every processor that is newer for one of 2004
and multiplies matrices at a quarter of their speed (`python -m benchmarks.matrix_products`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from encoder import cpu


def load_faiss() -> Any:
    """Return the module; the first call imports it, which takes a third of a second."""
    # Not taken from sys.modules: another thread may not be done with importing it.
    with _environment({} if "faiss" in sys.modules else _settings(cpu.flags())):
        import faiss
    return faiss


def _settings(flags: frozenset[str]) -> dict[str, str]:
    """Return what FAISS' libraries read from the environment, once, as they are loaded."""
    # A thread that has nothing to do sleeps, for the next question's other work needs the core.
    settings = {"OMP_WAIT_POLICY": "passive"}
    if "avx512f" in flags:
        settings["OPENBLAS_CORETYPE"] = "SkylakeX"
    elif "avx2" in flags:
        settings["OPENBLAS_CORETYPE"] = "Haswell"
    return settings


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set variables that the user has not set, for a while: other libraries read them, too."""
    added = {name: value for name, value in settings.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
