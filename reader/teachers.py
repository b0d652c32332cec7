"""Teachers of a reader in training: other readers, whose mean it learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from encoder.training.attention import fit_attention
from encoder.training.compiling import compile_layers
from reader.loss import shared_log_softmax
from reader.model import load_model

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Targets:
    """What teachers say of a batch: the means of their probabilities.

    `start` and `end` are (rows, length), softened by the temperature; `relevance` is (rows,).
    """

    start: torch.Tensor
    end: torch.Tensor
    relevance: torch.Tensor


class Teachers:
    """An ensemble of readers of the student's tokenizer (Hinton et al. 2015, section 2)."""

    def __init__(
        self, folders: Sequence[str], device: torch.device, steps: int, temperature: float
    ) -> None:
        self._models = []
        self._temperature = temperature
        for folder in folders:
            model = load_model(Path(folder)).to(device).eval().requires_grad_(False)
            fit_attention(model.base, device)
            compile_layers(model.base, device, steps)
            self._models.append(model)

    def targets(self, inputs: Mapping[str, torch.Tensor], questions: int) -> Targets:
        """Return the targets of a batch; `inputs` are those of `reader.finetuning`."""
        import torch

        sums: list[torch.Tensor] = []
        with torch.no_grad():
            for model in self._models:
                start, end, relevance = model(inputs["ids"], inputs["segments"], inputs["mask"])
                found = [
                    shared_log_softmax(
                        logits / self._temperature, inputs["allowed"], inputs["groups"], questions
                    ).exp()
                    for logits in (start, end)
                ]
                found.append(relevance.sigmoid())
                sums = [a + b for a, b in zip(sums, found, strict=True)] if sums else found
        start, end, relevance = (total / len(self._models) for total in sums)
        return Targets(start, end, relevance)
