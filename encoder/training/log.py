"""What a training run prints and stores: losses, speed, time left."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_EVERY = 20  # steps


class StepLog:
    """Collects steps; every 20 of them, and at the end, writes a line.

    Losses are means over the line's steps, rates over all steps since the run began or went on.
    """

    def __init__(self, file: Path, done: int, steps: int) -> None:
        self._file, self._first, self._steps = file, done, steps
        self._start = time.monotonic()
        self._counts: Counter[str] = Counter()
        self._losses: list[torch.Tensor] = []

    def record(
        self, step: int, losses: Mapping[str, torch.Tensor], counts: Mapping[str, int]
    ) -> None:
        """Take in a step: its losses, scalars of one device, and what it saw, as in `tokens`."""
        import torch

        self._counts.update(counts)
        self._losses.append(torch.stack([loss.detach() for loss in losses.values()]))
        if step % _EVERY and step != self._steps:
            return
        means = torch.stack(self._losses).mean(0).tolist()  # waits for the device
        seconds = time.monotonic() - self._start
        left = seconds / (step - self._first) * (self._steps - step)
        line: dict[str, float] = {"step": step}
        line |= {name: round(mean, 4) for name, mean in zip(losses, means, strict=True)}
        line |= {f"{name}_per_second": round(n / seconds, 1) for name, n in self._counts.items()}
        line["eta_minutes"] = round(left / 60, 1)
        self._losses = []
        with self._file.open("a") as stream:
            stream.write(json.dumps(line) + "\n")
        print(f"step {step}/{self._steps} {line}", file=sys.stderr, flush=True)
