"""The last step of a build: checksums, one renamed file, and what is no longer needed goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from indexing.files import checksum, sync
from indexing.manifest import FileRecord, Manifest, write_manifest
from indexing.resume import Unfinished, clean

_REMOVED = "removed.npy"


def commit(root: Path, built: Unfinished, manifest: Manifest) -> None:
    """Make the index be what the manifest says, in one step."""
    sync(built.folder.parent)
    sync(root)
    write_manifest(root, manifest)
    built.discard_work()
    clean(root, manifest, keep_unfinished=True)


def records(root: Path, built: Unfinished) -> Mapping[str, FileRecord]:
    """Sync the data files of a segment; return their sizes and checksums."""
    folders = {built.folder}
    found: dict[str, FileRecord] = {}
    for path in sorted(built.folder.rglob("*")):
        if path.is_file() and built.work not in path.parents:
            sync(path)
            folders.add(path.parent)
            name = path.relative_to(root).as_posix()
            found[name] = FileRecord(path.stat().st_size, checksum(path))
    for folder in folders:
        sync(folder)
    return found


def commit_change(root: Path, built: Unfinished, manifest: Manifest) -> Manifest:
    """Commit a manifest whose files are those of its segments, the new one's among them."""
    segments = manifest.segments()
    kept = {name: file for name, file in manifest.files.items() if name.split("/")[1] in segments}
    files = {**kept, **records(root, built)}
    changed = replace(manifest, created=now(), files=files)
    commit(root, built, changed)
    return changed


def write_removed(root: Path, built: Unfinished, rows: Collection[int]) -> str:
    """Write the rows of removed documents; return what the manifest calls the file."""
    path = built.folder / _REMOVED
    np.save(path, np.array(sorted(rows), dtype=np.int64))
    return path.relative_to(root).as_posix()


def now() -> str:
    """Return the time for a manifest."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def spanqa_version() -> str:
    """Return the version of this program."""
    try:
        return version("spanqa")
    except PackageNotFoundError:
        return "not installed"
