"""A virtual environment for each peer, made once."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.peers.systems import HERE, System

CONSTRAINTS = HERE.parent.parent / "constraints.txt"
STAMP = "installed.json"
SHOWN = ("torch", "transformers", "sentence-transformers", "tokenizers", "numpy", "onnxruntime")


def python(system: System, cache: Path) -> str:
    """Return the Python that runs a system, with the pinned packages installed."""
    if system.requirements is None:
        return sys.executable
    requirements = HERE / "requirements" / system.requirements
    alone = requirements.with_suffix(".no-deps.txt")  # for peers that name more than they need
    digest = hashlib.blake2b(digest_size=8)
    for file in (requirements, CONSTRAINTS, alone):
        digest.update(file.read_bytes() if file.is_file() else b"")
    folder = cache / f"{Path(system.requirements).stem}-{digest.hexdigest()}"
    executable = folder / "bin" / "python"
    if not (folder / STAMP).is_file():
        print(f"installing {system.title} in {folder}", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True, clear=True)
        command = [str(executable), "-m", "pip", "install", "--quiet"]
        command += ["--disable-pip-version-check", "-c", str(CONSTRAINTS)]
        subprocess.run([*command, "-r", str(requirements)], check=True)
        if alone.is_file():
            subprocess.run([*command, "--no-deps", "-r", str(alone)], check=True)
        (folder / STAMP).write_text(json.dumps(_packages(str(executable)), indent=1))
    return str(executable)


def _packages(executable: str) -> dict[str, str]:
    command = [executable, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {package["name"]: package["version"] for package in json.loads(listed)}


def versions(executable: str) -> dict[str, str]:
    """Return the packages of an environment that decide its speed, with the peer itself."""
    wanted = {*SHOWN, "haystack-ai", "txtai", "bm25s", "optimum-onnx", "openvino", "faiss-cpu"}
    return {name: v for name, v in _packages(executable).items() if name.lower() in wanted}
