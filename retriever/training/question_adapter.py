"""Trains an adapter of questions on what an index finds for them (see `candidates`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from encoder.question_adapter import QuestionAdapter
from indexing.progress import Progress
from retriever.training.candidates import Candidates, Passages, fit
from retriever.training.settings import AdapterTraining

if TYPE_CHECKING:
    import torch


class TrainableAdapter:
    """An adapter whose matrix and bias have gradients, on a device."""

    def __init__(self, start: QuestionAdapter, device: torch.device) -> None:
        import torch

        self.weight, self.bias = (
            torch.tensor(values, device=device, requires_grad=True)
            for values in (start.weight, start.bias)
        )

    def apply(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return the moved vectors (questions, dimension), each as long as before."""
        import torch

        moved = vectors + vectors @ self.weight + self.bias
        return torch.nn.functional.normalize(moved, dim=1) * vectors.norm(dim=1, keepdim=True)

    def group(self, rate: float) -> dict[str, object]:
        """Return its parameters as an optimizer takes them."""
        return {"params": [self.weight, self.bias], "lr": rate}

    def learnt(self) -> QuestionAdapter:
        """Return the adapter as it is now."""
        return QuestionAdapter(self.weight.detach().cpu().numpy(), self.bias.detach().cpu().numpy())


def train_adapter(
    candidates: Candidates,
    passages: Passages,
    start: QuestionAdapter,
    settings: AdapterTraining,
    progress: Progress,
) -> QuestionAdapter:
    """Train an adapter, going on from another; for the arguments see `candidates.fit`."""
    import torch

    adapter = TrainableAdapter(start, torch.device("cpu"))

    def vectors(chosen: NDArray[np.int64]) -> torch.Tensor:
        return adapter.apply(torch.from_numpy(candidates.vectors[chosen]))

    fit(candidates, passages, vectors, [adapter.group(settings.learning_rate)], settings, progress)
    return start.towards(adapter.learnt(), settings.strength)
