"""A model in training as a session, so that the reader measures it without a file in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


class ModelSession:
    """Runs a model of `reader.model`; see `encoder.session.Session`."""

    workers = 1
    tokens = 4096

    def __init__(self, model: torch.nn.Module) -> None:
        self._model = model

    def run(
        self, ids: NDArray[np.int32], segments: NDArray[np.int32], mask: NDArray[np.int32]
    ) -> list[NDArray[np.float32]]:
        """Return span logits (rows, length, 2) and relevance logits (rows, 1), without dropout."""
        import torch

        device = next(self._model.parameters()).device
        inputs = [torch.from_numpy(array).to(device, torch.long) for array in (ids, segments, mask)]
        training = self._model.training
        self._model.eval()
        with torch.inference_mode():
            start, end, relevance = self._model(*inputs)
        self._model.train(training)
        spans = torch.stack([start, end], dim=-1)
        return [part.float().cpu().numpy() for part in (spans, relevance[:, None])]
