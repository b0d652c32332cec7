"""BM25 over texts in memory."""

from __future__ import annotations

import os
import subprocess
import sys

from indexing.ranked_texts import rank_texts

TEXTS = ["the seine flows through paris", "berlin lies on the spree", "paris, paris, paris"]


def test_the_best_texts_come_first():
    found = rank_texts(TEXTS, ["which river flows through paris", "spree"], 2)
    assert found.shape == (2, 2)
    assert found[0].tolist() == [0, 2]
    assert found[1, 0] == 1
    assert rank_texts(TEXTS, ["paris"], 9).shape == (1, 3)


def test_jax_is_not_imported_for_it(tmp_path):
    """JAX would take the memory of a GPU; it can still be imported afterwards."""
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text("print('jax is here')")
    (tmp_path / "jax" / "lax.py").write_text("def top_k(values, k): return values, values")
    code = (
        "from indexing.ranked_texts import rank_texts; rank_texts(['a word'], ['word'], 1);"
        "print('ranked'); import jax"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.split("\n")[:2] == ["ranked", "jax is here"]
