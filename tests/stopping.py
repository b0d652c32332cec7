"""Runs that stop in the middle, as if they were killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest


@contextmanager
def stopped_after(calls: int, module: ModuleType, name: str) -> Iterator[None]:
    """Expect what is run within to die at the call of a module's function after so many of it."""
    real, seen = getattr(module, name), []

    def dying(*args: object) -> object:
        if len(seen) == calls:
            raise KeyboardInterrupt
        seen.append(1)
        return real(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, dying)
        with pytest.raises(KeyboardInterrupt):
            yield
