"""What a fine-tuning run prints and stores: losses, speed, time left."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from reader.batches import Batch

if TYPE_CHECKING:
    import torch

_EVERY = 20  # steps


class TrainLog:
    """Collects steps; every 20 of them, and at the end, writes a line."""

    def __init__(self, file: Path, done: int, steps: int) -> None:
        self._file, self._first, self._steps = file, done, steps
        self._start, self._tokens, self._questions = time.monotonic(), 0, 0
        self._losses: list[torch.Tensor] = []

    def record(self, step: int, batch: Batch, span: torch.Tensor, relevance: torch.Tensor) -> None:
        """Take in a step with its two mean losses."""
        import torch

        self._tokens += int(batch.mask.sum())
        self._questions += batch.questions
        self._losses.append(torch.stack([span.detach(), relevance.detach()]))
        if step % _EVERY and step != self._steps:
            return
        losses = torch.stack(self._losses).mean(0).tolist()  # waits for the device
        seconds = time.monotonic() - self._start
        left = seconds / (step - self._first) * (self._steps - step)
        line = {
            "step": step,
            "span_loss": round(losses[0], 4),
            "relevance_loss": round(losses[1], 4),
            "questions_per_second": round(self._questions / seconds, 2),
            "tokens_per_second": round(self._tokens / seconds),
            "eta_minutes": round(left / 60, 1),
        }
        self._losses = []
        with self._file.open("a") as stream:
            stream.write(json.dumps(line) + "\n")
        print(f"step {step}/{self._steps} {line}", file=sys.stderr, flush=True)
