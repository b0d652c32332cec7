"""What a stopped run needs to go on exactly: its settings, weights and optimizer."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoder.training.plan import Plan, plan_of, require_same
from encoder.weights_file import write_weights
from indexing.errors import InputError

if TYPE_CHECKING:
    import torch

PLAN = "settings.json"


@dataclass(frozen=True, slots=True)
class Run:
    """A run that may begin or go on in `out`; `state` is what it resumes from, if anything."""

    out: Path
    plan: Plan
    state: Path | None

    def begin(self) -> None:
        """Write the plan down, unless that was done.

        It is time for that once all is read that can be wrong: a failed start leaves nothing.
        """
        if not (self.out / PLAN).exists():
            self.out.mkdir(parents=True, exist_ok=True)
            (self.out / PLAN).write_text(json.dumps(self.plan, indent=2) + "\n")


def open_run(out: Path, settings: Any, *, resume: bool) -> Run:
    """Find a run in `out`, or one that may begin there; nothing is written.

    Args:
        out: the run's folder.
        settings: a dataclass, which a resumed run must share, as it must the bytes of all files
            that the settings name.
        resume: whether to go on with what is there.

    Raises:
        InputError: `out` holds another run, or one that was not to be resumed; or a file is
            another than it was.
    """
    plan, begun = plan_of(settings), (out / PLAN).exists()
    if begun and not resume:
        raise InputError(f"{out}: holds a run already; add --resume or choose another --out")
    if begun:
        require_same(json.loads((out / PLAN).read_text()), plan, out)
    return Run(out, plan, current_state(out) if begun else None)


def current_state(out: Path) -> Path | None:
    """Return the folder of the last state that was saved whole."""
    current = out / "state" / "current"
    return (out / "state" / current.read_text().strip()) if current.exists() else None


def save_state(
    out: Path, step: int, optimizer: torch.optim.Optimizer, save_model: Callable[[Path], None]
) -> None:
    """Save all that a resumed run needs; the pointer moves last, so a kill loses nothing.

    `save_model` writes the weights, in full precision, into the folder that it is given.
    """
    folder = out / "state" / f"step-{step}"
    save_model(folder)
    tensors = {}
    for i, values in optimizer.state_dict()["state"].items():
        for key, value in values.items():
            tensors[f"{i}.{key}"] = value.detach().cpu().contiguous()
    write_weights(tensors, folder / "optimizer.safetensors", {"step": str(step)})
    pointer = out / "state" / "current.part"
    pointer.write_text(folder.name)
    os.replace(pointer, out / "state" / "current")
    for old in (out / "state").glob("step-*"):
        if old != folder:
            shutil.rmtree(old)


def load_optimizer(optimizer: torch.optim.Optimizer, state: Path) -> int:
    """Put the saved state into the optimizer, and return the steps done."""
    from safetensors import safe_open

    values: dict[int, dict[str, Any]] = {}
    with safe_open(state / "optimizer.safetensors", "pt") as file:
        for key in file.keys():  # noqa: SIM118 - safe_open is no mapping
            number, _, name = key.partition(".")
            values.setdefault(int(number), {})[name] = file.get_tensor(key)
        step = int(file.metadata()["step"])
    whole = optimizer.state_dict()
    whole["state"] = values
    optimizer.load_state_dict(whole)
    return step


def rate_at(step: int, steps: int, warmup: float) -> float:
    """Return the share of the peak learning rate at a step: linear warm-up, linear decay to 0."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return max(0.0, (steps - step) / max(1, steps - rising))
