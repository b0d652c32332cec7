"""The choice of the best checkpoint of a run by its development F1, and when to stop early."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

HISTORY = "development.jsonl"
BEST = "best"


class Selection:
    """Keeps the best weights so far in `best/` and every score in `development.jsonl`.

    A run resumed at step `done` knows what it had measured until then, so that it stops and
    chooses as if it had never been cut off. `measure` returns the F1 of the weights as they are
    now, `save` writes them into a folder.
    """

    def __init__(
        self,
        out: Path,
        patience: int,
        done: int,
        measure: Callable[[], float],
        save: Callable[[Path], None],
    ) -> None:
        self._file, self._patience = out / HISTORY, patience
        self._measure, self._save = measure, save
        self.folder = out / BEST
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        known = [json.loads(line) for line in lines]
        self._scores: list[tuple[int, float]] = [
            (one["step"], one["f1"]) for one in known if one["step"] <= done
        ]
        # What a run had measured beyond the state that it resumes from comes again.
        self._file.write_text("".join(_line(*score) for score in self._scores))

    def begin(self) -> None:
        """Measure the weights that the run starts from: training must be better than them."""
        if not self._scores:
            self.record(0)

    def record(self, step: int) -> bool:
        """Measure, save the weights if they are the best; tell whether to stop.

        Of equal scores the earlier one stays the best.
        """
        f1 = self._measure()
        if f1 > max((score for _, score in self._scores), default=float("-inf")):
            self._save(self.folder)
        self._scores.append((step, f1))
        with self._file.open("a") as stream:
            stream.write(_line(step, f1))
        print(f"step {step}: development F1 {f1:.2f}", file=sys.stderr, flush=True)
        return self._waited() >= self._patience

    def _waited(self) -> int:
        """Return how many measurements there were since the best one."""
        values = [score for _, score in self._scores]
        return len(values) - 1 - values.index(max(values))


def _line(step: int, f1: float) -> str:
    return json.dumps({"step": step, "f1": f1}) + "\n"
