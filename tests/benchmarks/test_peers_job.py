"""What a runner says of itself."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from benchmarks.peers.systems import HERE


def test_a_runners_memory_is_its_own_not_that_of_who_started_it():
    held = np.ones(2**26)  # 512 MB
    code = "import job; print(job.peak_memory())"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE / "runners", capture_output=True, check=True
    )
    assert 2**22 < int(told.stdout) < held.nbytes / 2
