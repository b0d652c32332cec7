"""Starts runners, one process a phase, and holds the clock where a whole process counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.peers.runners.job import Job
from benchmarks.peers.systems import HERE, System

ROOT = HERE.parent.parent


class RunnerFailed(Exception):
    """A system did not do its job; the message is the end of what it said."""


def environment(system: System, threads: int) -> dict[str, str]:
    """Return the environment variables of a runner: as many threads for all, and no network."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables |= {
        "OMP_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "PYTHONWARNINGS": "ignore",
    }
    if system.requirements is None:
        variables["PYTHONPATH"] = str(ROOT)
    return variables


def run_job(system: System, executable: str, job: Job) -> dict[str, Any]:
    """Run one phase in a new process; return its result with the `process_seconds` up to it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "job.json"
        file.write_text(json.dumps(asdict(job)), encoding="utf-8")
        with (Path(folder) / "errors").open("w+", encoding="utf-8") as errors:
            begin = time.perf_counter()
            process = subprocess.Popen(
                [executable, str(system.runner), str(file)],
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(system, job.threads),
                text=True,
            )
            assert process.stdout is not None
            line = process.stdout.readline()
            seconds = time.perf_counter() - begin
            process.stdout.close()
            code = process.wait()
            errors.seek(0)
            said = errors.read()
    if code != 0 or not line:
        print(said, file=sys.stderr)
        raise RunnerFailed(said.strip().rpartition("\n")[2][:200] or f"exit code {code}")
    return {**json.loads(line), "process_seconds": seconds}


def size_on_disk(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
