"""What a build did, told when it is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """The outcome of a build.

    `skipped` counts what was left out by reason, and `problems` are the first of each reason in
    words. `remarks` say how sources were understood where that is a guess. `files` are the sizes
    in bytes of all data files. `seconds` are by stage, and count this run only. `peak_memory` is
    in bytes.
    """

    path: Path
    documents: int
    passages: int
    vectors: int
    skipped: Mapping[str, int]
    problems: Sequence[str]
    remarks: Sequence[str]
    files: Mapping[str, int]
    seconds: Mapping[str, float]
    peak_memory: int


class Clock:
    """Adds up the seconds of stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun


def peak_memory() -> int:
    """Return the most memory that this process has had so far, in bytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
