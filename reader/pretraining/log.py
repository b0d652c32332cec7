"""What a run prints and stores: losses apart, speed, share of the hardware's peak, time left."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reader.pretraining.batches import PretrainBatch
from reader.pretraining.model import LossSums
from reader.pretraining.processes import Group
from reader.pretraining.throughput import step_operations

if TYPE_CHECKING:
    import torch

_EVERY = 10  # steps


class RunLog:
    """Collects steps in every process; the first one writes `log.jsonl` and standard error.

    `peak` is the floating-point operations per second that one device was measured to reach.
    """

    def __init__(
        self, file: Path, group: Group, config: Any, peak: float, done: int, steps: int
    ) -> None:
        self._file, self._group, self._config, self._peak = file, group, config, peak
        self._steps, self._done = steps, done
        self._start = time.monotonic()
        self._losses: list[torch.Tensor] = []
        self._tokens = self._operations = 0.0
        self._last = (self._start, done)

    def record(self, step: int, batches: list[PretrainBatch], means: LossSums, rate: float) -> None:
        """Take in a step; at the first, every tenth and the last one, write a line."""
        import torch

        self._losses.append(torch.stack([means.masked, means.boundary, means.selection]))
        self._tokens += sum(batch.tokens for batch in batches)
        self._operations += sum(step_operations(self._config, batch) for batch in batches)
        if step % _EVERY and step not in (1, self._steps):
            return
        parts = torch.stack(self._losses).mean(0).tolist()  # waits for the device
        *losses, tokens, operations = self._group.sum([*parts, self._tokens, self._operations])
        now, (then, before) = time.monotonic(), self._last
        seconds = now - then
        left = seconds / (step - before) * (self._steps - step)
        line = {
            "step": step,
            "mlm_loss": round(losses[0], 4),
            "boundary_loss": round(losses[1], 4),
            "selection_loss": round(losses[2], 4),
            "learning_rate": float(f"{rate:.3g}"),
            "tokens_per_second": round(tokens / seconds),
            "share_of_peak": round(operations / seconds / self._peak / self._group.size, 6),
            "eta_minutes": round(left / 60, 1),
        }
        self._losses, self._tokens, self._operations, self._last = [], 0.0, 0.0, (now, step)
        if self._group.first:
            with self._file.open("a") as stream:
                stream.write(json.dumps(line) + "\n")
            print(f"step {step}/{self._steps} {line}", file=sys.stderr, flush=True)
