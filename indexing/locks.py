"""Who may do what in an index: one writer at a time, and no folder removed under a reader."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexing.errors import InputError

LOCK_FILE = "lock"


@contextmanager
def write_lock(root: Path) -> Iterator[None]:
    """Be the only writer of the index folder, or fail at once."""
    descriptor = os.open(root / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not _lock(descriptor, shared=False):
            raise InputError(
                f"Another process is writing to {root}; wait until it has ended, then try again."
            )
        yield
    finally:
        os.close(descriptor)


def hold(folder: Path) -> int:
    """Keep a folder from being removed; returns the descriptor to close when done with it.

    Raises FileNotFoundError when it is gone or about to go.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    if not _lock(descriptor, shared=True):
        os.close(descriptor)
        raise FileNotFoundError(folder)
    return descriptor


def remove_unless_held(folder: Path) -> bool:
    """Remove a folder that no reader holds; returns whether it is gone."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not _lock(descriptor, shared=False):
            return False
        shutil.rmtree(folder)
        return True
    finally:
        os.close(descriptor)


def _lock(descriptor: int, *, shared: bool) -> bool:
    """Take a lock that the system gives back when the process ends, however it ends."""
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Some network file systems know no locks: go on as a lone user would.
        return True
    return True
