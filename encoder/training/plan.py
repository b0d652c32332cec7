"""What a stopped run and the one that goes on with it must share: settings and what they name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from indexing.errors import InputError
from indexing.files import checksum, write_atomically

Plan = dict[str, Any]
"""A run's settings, and under "inputs" the checksums of the files that they name."""

_INPUTS = "inputs"
_TOLD_BY = ("manifest.json", "tokens.json", "config.json", "model.safetensors")
"""Files by which a folder is told: what an index or a corpus of tokens is, a model's weights."""


def plan_of(settings: Any) -> Plan:
    """Return the plan of a run; `settings` is a dataclass.

    Of a folder the files count that tell an index, a corpus of tokens or a checkpoint.
    """
    plan = json.loads(json.dumps(asdict(settings), default=str))
    inputs = {name: checksum(Path(name)) for text in _texts(plan) for name in _files(text)}
    return {**plan, _INPUTS: inputs}


def keep_plan(file: Path, plan: Plan, run: Path, *, begun: bool) -> None:
    """Write the plan of a new run to `file`; demand of a begun one that it has the same.

    Raises:
        InputError: the run began with another plan, or with none that is known.
    """
    if not begun:
        write_atomically(file, json.dumps(plan, indent=2).encode() + b"\n")
        return
    then = json.loads(file.read_bytes()) if file.exists() else None
    require_same(then, plan, run)


def require_same(then: Plan | None, now: Plan, run: Path, option: str = "--out") -> None:
    """Demand that a run is gone on with as it was begun.

    Args:
        then: the plan with which it began, if that is known.
        now: what is asked for.
        run: where it is, for people to know it by.
        option: what chooses another place.

    Raises:
        InputError: the settings are others, a file is another than it was, or nothing is known.
    """
    if then is None:
        raise InputError(
            f"{run}: nothing tells what this run was begun with, so it cannot go on; remove it, or "
            f"choose another {option}"
        )
    if _settings(then) != _settings(now):
        raise InputError(f"{run}: holds a run with other settings; choose another {option}")
    for name, known in then.get(_INPUTS, {}).items():  # the oldest runs did not store them
        if now[_INPUTS].get(name) != known:
            kind = "folder" if Path(name).is_dir() else "file"
            raise InputError(
                f"{name}: not the {kind} with which the run in {run} began; put that back, or "
                f"choose another {option}"
            )


def _settings(plan: Plan) -> Plan:
    return {name: value for name, value in plan.items() if name != _INPUTS}


def _texts(value: Any) -> Iterator[str]:
    """Yield all strings among the values of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _files(name: str) -> list[str]:
    """Return the files that a setting names, if it names any."""
    if Path(name).is_file():
        return [name]
    told = (Path(name, file) for file in _TOLD_BY) if name else ()
    return [str(file) for file in told if file.is_file()]
