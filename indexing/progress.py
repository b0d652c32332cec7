"""How long work tells how far it is, whoever shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Shows the stages of a long piece of work."""

    def stage(
        self, name: str, total: int | None, unit: str
    ) -> AbstractContextManager[Callable[[int], None]]:
        """Open a stage of `total` units (None: not known); call what it yields with units done."""
        ...


class SilentProgress:
    """Shows nothing."""

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        """Yield a function that ignores what it is told."""
        yield _ignore


def _ignore(count: int) -> None:
    pass
