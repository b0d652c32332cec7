"""What an unfinished build has done, so that `--resume` goes on where it was.

A build works in a segment folder that no manifest names yet. Its `work/state.json` says what it
was asked to do and which stages are done; what a stage has half done lies beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from indexing.errors import InputError
from indexing.files import write_atomically
from indexing.locks import remove_unless_held
from indexing.manifest import Manifest, segment_folder

_WORK = "work"
_STATE = "state.json"
_CHANGE = "change"


@dataclass(slots=True)
class Unfinished:
    """A segment being written: its folder, what was asked for, and the stages done."""

    folder: Path
    request: Mapping[str, Any]
    done: dict[str, Any] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        """The folder for what is thrown away after the commit."""
        return self.folder / _WORK

    def finish(self, stage: str, result: Any) -> None:
        """Record that a stage is done, with what the summary will need of it."""
        self.done[stage] = result
        self.save()

    def save(self) -> None:
        """Write the state to the disk."""
        state = {"request": self.request, "done": self.done}
        write_atomically(self.work / _STATE, json.dumps(state, indent=2).encode())

    def discard_work(self) -> None:
        """Remove what only a restart would need."""
        shutil.rmtree(self.work, ignore_errors=True)

    def discard(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder)


def start(root: Path, request: Mapping[str, Any]) -> Unfinished:
    """Make a new segment folder."""
    numbers = [int(path.name) for path in _segments(root)]
    new = Unfinished(segment_folder(root, f"{max(numbers, default=0) + 1:06d}"), request)
    new.work.mkdir(parents=True)
    new.save()
    return new


def start_change(root: Path, manifest: Manifest) -> Unfinished:
    """Make a segment folder for a change, and clear away what changes that were cut off left."""
    tidy(root, manifest)
    while (left := unfinished(root, manifest, _CHANGE)) is not None:
        left.discard()
    return start(root, {"work": _CHANGE})


def tidy(root: Path, manifest: Manifest | None) -> None:
    """Remove the work folders of committed segments, should a crash have left one."""
    for segment in manifest.segments() if manifest else ():
        shutil.rmtree(segment_folder(root, segment) / _WORK, ignore_errors=True)


def unfinished(root: Path, manifest: Manifest | None, kind: str) -> Unfinished | None:
    """Return the unfinished work of this kind, if there is any that can be gone on with."""
    for path in _segments(root):
        state = path / _WORK / _STATE
        if (manifest is None or path.name not in manifest.segments()) and state.is_file():
            content = json.loads(state.read_bytes())
            if content["request"]["work"] == kind:
                return Unfinished(path, content["request"], content["done"])
    return None


def check_same_request(found: Unfinished, request: Mapping[str, Any]) -> None:
    """Refuse to go on with a build that was asked for something else."""
    for name, wanted in request.items():
        if found.request.get(name) != wanted:
            raise InputError(
                f"The unfinished build in {found.folder.parent.parent} was started with different "
                f"{name}; repeat that command as it was, or leave out --resume to start anew."
            )


def clean(root: Path, manifest: Manifest | None, *, keep_unfinished: bool) -> None:
    """Remove the segments that the manifest does not name and no reader holds."""
    for path in _segments(root):
        named = manifest is not None and path.name in manifest.segments()
        if not named and not (keep_unfinished and (path / _WORK / _STATE).exists()):
            remove_unless_held(path)


def source_identity(source: Path | str) -> dict[str, Any]:
    """Return what tells whether a source has changed: names, sizes and times of its files."""
    path = Path(source)
    if not path.exists():
        return {"source": str(source)}
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    digest, total = hashlib.sha256(), 0
    for file in files:
        status = os.stat(file)
        digest.update(os.fsencode(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\n"))
        total += status.st_size
    return {"source": str(path.resolve()), "bytes": total, "state": digest.hexdigest()}


def _segments(root: Path) -> list[Path]:
    folder = root / "segments"
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name.isdigit())
