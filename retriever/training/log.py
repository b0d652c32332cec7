"""What a run prints and stores: losses, accuracy, speed, time left."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from retriever.training.batches import Batch
from retriever.training.loss import Losses

if TYPE_CHECKING:
    import torch

_EVERY = 20  # steps


class RunLog:
    """Collects steps; every 20 of them, and at the end, writes a line.

    A pair is a question and a passage that it was given: the positive, or a hard negative.
    """

    def __init__(self, file: Path, done: int, steps: int) -> None:
        self._file, self._steps = file, steps
        self._last = (time.monotonic(), done)
        self._pairs = self._tokens = 0
        self._found: list[torch.Tensor] = []

    def record(self, step: int, batch: Batch, found: Losses) -> None:
        """Take in a step."""
        import torch

        self._pairs += len(batch.rows) - batch.questions
        self._tokens += batch.tokens
        self._found.append(torch.stack([found.ranking, found.distil, found.accuracy]))
        if step % _EVERY and step != self._steps:
            return
        ranking, distil, accuracy = torch.stack(self._found).mean(0).tolist()  # waits
        now, (then, before) = time.monotonic(), self._last
        seconds = now - then
        line = {
            "step": step,
            "loss": round(ranking, 4),
            "distil_loss": round(distil, 4),
            "accuracy": round(accuracy, 4),
            "pairs_per_second": round(self._pairs / seconds, 1),
            "tokens_per_second": round(self._tokens / seconds),
            "eta_minutes": round(seconds / (step - before) * (self._steps - step) / 60, 1),
        }
        self._found, self._pairs, self._tokens, self._last = [], 0, 0, (now, step)
        with self._file.open("a") as stream:
            stream.write(json.dumps(line) + "\n")
        print(f"step {step}/{self._steps} {line}", file=sys.stderr, flush=True)
