"""The settings of a pretraining run."""

from __future__ import annotations

from dataclasses import dataclass, field

from indexing.errors import InputError


@dataclass(frozen=True, slots=True)
class MaskingSettings:
    """Span masking as in Joshi et al. 2020, sections 3.1 and 4.2, with the paper's values.

    `rate` of a segment's pieces are masked, in spans of whole words whose number is geometric
    with parameter `p`, up to `longest`. A span becomes [MASK]s with probability `masked`, random
    pieces with probability `random`, and else stays as it is.
    """

    rate: float = 0.15
    p: float = 0.2
    longest: int = 10
    masked: float = 0.8
    random: float = 0.1


@dataclass(frozen=True, slots=True)
class PretrainSettings:
    """What a run is made of; stored beside every checkpoint, so that a resumed run is the same.

    One optimizer step sees `step_tokens` tokens, in batches of at most `batch_tokens` tokens,
    padding included, that are shared out among the processes; results do not depend on how many
    processes there are. `recurring` is the share of segments that train recurring span selection
    (Ram et al. 2021) in place of span masking. `boundary` turns the span boundary objective off
    for comparisons.
    """

    base: str
    tokens: str
    config: str | None = None
    epochs: float = 1.0
    max_steps: int | None = None
    length: int = 512
    step_tokens: int = 65_536
    batch_tokens: int = 8_192
    learning_rate: float = 2e-4
    warmup: float = 0.06
    weight_decay: float = 0.01
    clip: float = 1.0
    dropout: float = 0.1
    boundary: bool = True
    recurring: float = 0.0
    seed: int = 13
    masking: MaskingSettings = field(default_factory=MaskingSettings)

    @property
    def batches(self) -> int:
        """How many batches make one optimizer step."""
        return max(1, self.step_tokens // self.batch_tokens)

    def check(self, processes: int) -> None:
        """Raise InputError where the numbers do not fit together."""
        if self.length < 8:
            raise InputError("--length must be 8 or more")
        if self.batch_tokens < self.length:
            raise InputError(
                f"--batch-tokens {self.batch_tokens} holds no segment of --length {self.length}"
            )
        if self.batches % processes:
            raise InputError(
                f"a step has {self.batches} batches (--step-tokens / --batch-tokens), which "
                f"{processes} processes cannot share evenly"
            )
