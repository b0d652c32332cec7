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


def loaded() -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OPENBLAS_VERBOSE": "2"}
    command = [sys.executable, "-c", SHOW]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


@pytest.mark.skipif("avx2" not in cpu.flags(), reason="only x86 has kernels to choose among")
def test_matrix_products_are_those_of_this_processor():
    # numpy's own library speaks, too; no one may fall back to the processor of 2004.
    assert "Core: Prescott" not in loaded().stderr.splitlines()


def test_the_environment_is_left_as_it_was():
    assert loaded().stdout.split() == ["True", "4"]


@pytest.fixture
def seen_by_faiss(monkeypatch):
    """Return what loads FAISS in an environment and tells what its import finds there."""

    def load(flags: set[str], **given: str) -> dict[str, str]:
        for name in ("OPENBLAS_CORETYPE", "OMP_WAIT_POLICY"):
            monkeypatch.delenv(name, raising=False)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(cpu, "flags", lambda: frozenset(flags))
        monkeypatch.delitem(sys.modules, "faiss", raising=False)
        seen: dict[str, str] = {}

        class Finder:
            def find_spec(self, name, path=None, target=None):
                if name == "faiss":
                    seen.update(os.environ)
                    raise ImportError("seen")

        monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
        with pytest.raises(ImportError, match="seen"):
            faiss_library.load_faiss()
        return seen

    return load


@pytest.mark.parametrize(
    ("flags", "core"),
    [({"avx2", "avx512f"}, "SkylakeX"), ({"avx2"}, "Haswell"), ({"asimd"}, None)],
)
def test_the_kernels_are_chosen_by_the_instructions(seen_by_faiss, flags, core):
    seen = seen_by_faiss(flags)
    assert seen.get("OPENBLAS_CORETYPE") == core
    assert seen["OMP_WAIT_POLICY"] == "passive"
    assert "OPENBLAS_CORETYPE" not in os.environ


def test_what_the_user_has_set_stays(seen_by_faiss):
    own = {"OPENBLAS_CORETYPE": "Zen", "OMP_WAIT_POLICY": "active"}
    seen = seen_by_faiss({"avx2"}, **own)
    assert {name: seen[name] for name in own} == own
    assert {name: os.environ[name] for name in own} == own
