"""What a stopped run needs to go on exactly: its settings, weights and optimizer."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexing.errors import InputError
from indexing.files import checksum

if TYPE_CHECKING:
    import torch

PLAN = "settings.json"
_INPUTS = "inputs"  # in the plan, beside the settings


def open_run(out: Path, settings: Any, *, resume: bool) -> Path | None:
    """Begin a run in `out`, or find it there; return the state to resume from, if any.

    Args:
        out: the run's folder.
        settings: a dataclass, which a resumed run must share, as it must the bytes of all files
            that the settings name.
        resume: whether to go on with what is there.

    Raises:
        InputError: `out` holds another run, or one that was not to be resumed; or a file is
            another than it was.
    """
    plan = out / PLAN
    wanted = json.loads(json.dumps(asdict(settings)))
    inputs = {name: checksum(Path(name)) for name in _texts(wanted) if Path(name).is_file()}
    if resume and plan.exists():
        found = json.loads(plan.read_text())
        then = found.pop(_INPUTS, inputs)  # older runs did not store them
        if found != wanted:
            raise InputError(f"{out}: holds a run with other settings; choose another --out")
        for name in then:
            if inputs.get(name) != then[name]:
                raise InputError(
                    f"{name}: not the file with which the run in {out} began; put that back, or "
                    "choose another --out"
                )
        return current_state(out)
    if plan.exists():
        raise InputError(f"{out}: holds a run already; add --resume or choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    plan.write_text(json.dumps({**wanted, _INPUTS: inputs}, indent=2) + "\n")
    return None


def _texts(value: Any) -> Iterator[str]:
    """Yield all strings among the values of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


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
    from safetensors.torch import save_file

    folder = out / "state" / f"step-{step}"
    save_model(folder)
    tensors = {}
    for i, values in optimizer.state_dict()["state"].items():
        for key, value in values.items():
            tensors[f"{i}.{key}"] = value.detach().cpu().contiguous()
    save_file(tensors, folder / "optimizer.safetensors", metadata={"step": str(step)})
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
