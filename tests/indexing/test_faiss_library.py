"""FAISS as it is loaded: with matrix products for this processor, and no trace left behind."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from encoder import cpu
from indexing import faiss_library

SHOW = """
import os
before = dict(os.environ)
from indexing.faiss_library import load_faiss
faiss = load_faiss()
assert faiss is load_faiss()
print(os.environ == before, faiss.IndexFlatIP(4).d)
"""


def loaded(**settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OPENBLAS_VERBOSE": "2", **settings}
    command = [sys.executable, "-c", SHOW]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


@pytest.mark.skipif("avx2" not in cpu.flags(), reason="only x86 has kernels to choose among")
def test_matrix_products_are_those_of_this_processor():
    said = loaded().stderr
    cores = [line for line in said.splitlines() if line.startswith("Core: ")]
    if not cores:
        pytest.skip("this FAISS brings no OpenBLAS")
    # numpy's own library may speak, too; no one may fall back to the processor of 2004.
    assert "Core: Prescott" not in cores


def test_the_environment_is_left_as_it_was():
    assert loaded().stdout.split() == ["True", "4"]


def test_what_the_user_has_set_stays():
    assert loaded(OMP_WAIT_POLICY="active").stdout.split() == ["True", "4"]


@pytest.mark.parametrize(
    ("flags", "core"),
    [({"avx2", "avx512f"}, "SkylakeX"), ({"avx2"}, "Haswell"), ({"asimd"}, None)],
)
def test_the_kernels_are_chosen_by_the_instructions(monkeypatch, flags, core):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    monkeypatch.setattr(cpu, "flags", lambda: frozenset(flags))
    monkeypatch.delitem(sys.modules, "faiss", raising=False)
    seen = {}

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "faiss":
                seen.update(os.environ)
                raise ImportError("seen")

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(ImportError, match="seen"):
        faiss_library.load_faiss()
    assert seen.get("OPENBLAS_CORETYPE") == core
    assert "OPENBLAS_CORETYPE" not in os.environ
