"""Built models in the user's cache folder, so that the next start is quick."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from encoder.checkpoint import WEIGHTS


def cache_folder() -> Path:
    """Return SpanQA's cache folder: `$XDG_CACHE_HOME/spanqa`, else `~/.cache/spanqa`."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "spanqa"


def cached_model(
    folder: Path, kind: str, build: Callable[[Path], None], suffix: str = ".onnx"
) -> Path | None:
    """Return the file of what is built from a checkpoint folder, building it if need be.

    The name holds the checkpoint's path, sizes and times, and those of the weights in the folder
    above, which it may take its words from, so that a changed checkpoint is built anew. None if the
    cache folder cannot be written: the caller then builds in memory.
    """
    digest = hashlib.blake2b(digest_size=12)
    for file in (folder / "config.json", folder / WEIGHTS, folder.resolve().parent / WEIGHTS):
        if file.is_file():
            status = file.stat()
            digest.update(f"{file.resolve()}|{status.st_size}|{status.st_mtime_ns}".encode())
    target = cache_folder() / "models" / f"{kind}-{digest.hexdigest()}{suffix}"
    if target.is_file():
        return target
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    try:
        build(part)
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)
        return None
    return target
