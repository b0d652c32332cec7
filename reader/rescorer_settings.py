"""The settings of a rescorer's training run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RescorerSettings:
    """What a run is made of; stored beside its checkpoint, so that a resumed run is the same.

    `base` is the folder that the rescorer starts from: a reader's, or, where it `goes_on`, that of
    a rescorer. `files` are candidates as `reader.rescorer_data` reads them. `questions` make a
    batch, of which the device holds `chunk` at once. `warmup` is the share of the steps in which
    the learning rates rise, and `held_out` the share of the questions that the rescorer is
    measured on.
    """

    base: str
    files: tuple[str, ...]
    goes_on: bool = False
    epochs: int = 2
    max_steps: int | None = None
    questions: int = 32
    chunk: int = 8
    learning_rate: float = 8e-5
    head_learning_rate: float = 2e-4
    warmup: float = 0.06
    weight_decay: float = 0.01
    clip: float = 1.0
    dropout: float = 0.1
    held_out: float = 0.05
    seed: int = 13
