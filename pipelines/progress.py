"""Progress on standard error: bars with rate and time left, or a line now and then."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from indexing.progress import Progress

_LOG_EVERY = 15.0  # seconds between lines where there is no terminal
_MARKS = 5
_RESUMING = 0.5  # seconds in which a resumed stage says what is done already


class BarProgress:
    """A bar on the terminal for each stage."""

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        """Show the stage while it runs."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.text import Text

        class Rate(ProgressColumn):
            def render(self, task: object) -> Text:
                speed = getattr(task, "finished_speed", None) or getattr(task, "speed", None)
                return Text(f"{speed:,.0f} {unit}/s" if speed else "", style="cyan")

        counts: list[ProgressColumn] = (
            [DownloadColumn(), TransferSpeedColumn()]
            if unit == "B"
            else [MofNCompleteColumn(), Rate()]
        )
        with Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(),
            *counts,
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        ) as bars:
            task = bars.add_task(name, total=total)
            yield lambda count: bars.advance(task, count)


class LogProgress:
    """A line for each stage, and one now and then while it runs: for logs."""

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        """Log the stage while it runs."""
        begun = last = time.monotonic()
        # Times and counts of the last lines: the rate is that of the last minute, since the first
        # jump of a resumed stage is no work.
        marks = deque([(begun, 0)], maxlen=_MARKS)
        done = 0

        def advance(count: int) -> None:
            nonlocal done, last
            done += count
            now = time.monotonic()
            if now - begun < _RESUMING:
                marks[0] = (now, done)
            if now - last >= _LOG_EVERY:
                last = now
                then, before = marks[0]
                _log(name, done, total, unit, now - begun, (done - before) / (now - then))
                marks.append((now, done))

        yield advance
        seconds = time.monotonic() - begun
        _log(name, done, total, unit, seconds, done / seconds if seconds else 0.0)


def _log(name: str, done: int, total: int | None, unit: str, seconds: float, rate: float) -> None:
    line = f"{name}: {done:,}"
    if total:
        line += f" of {total:,}"
    line += f" {unit}, {rate:,.0f}/s, {seconds:.0f} s"
    if total and 0 < done < total and rate:
        line += f", {(total - done) / rate:.0f} s left"
    print(line, file=sys.stderr, flush=True)


def open_progress() -> Progress:
    """Return bars where standard error is a terminal, else log lines."""
    return BarProgress() if sys.stderr.isatty() else LogProgress()
