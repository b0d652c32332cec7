"""Gradients of large batches in little memory (GradCache: Gao et al. 2021, section 3).

A loss over all vectors of a batch needs all of them, but not all activations at once: vectors are
computed chunk by chunk without gradients, the loss gives a gradient for each vector, and chunk by
chunk, computed again, these walk back into the weights. The sum is that of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retriever.training.loss import Losses

if TYPE_CHECKING:
    import torch

Chunk = NDArray[np.int64]
"""The numbers of the rows of a chunk."""


def walk_back(
    chunks: Sequence[Chunk],
    embed: Callable[[int], torch.Tensor],
    loss: Callable[[torch.Tensor], Losses],
) -> Losses:
    """Add a batch's gradients to the weights, and return its losses, without gradients.

    Args:
        chunks: together they hold each row once.
        embed: returns the vectors of a chunk by its number, (rows, dimension), in fp32; called
            twice, it must return the same.
        loss: the loss of the vectors of all rows, in the rows' order.
    """
    import torch

    if len(chunks) == 1:
        vectors = _in_order(chunks, [embed(0)])
        found = loss(vectors)
        found.total.backward()
        return found
    with torch.no_grad():
        vectors = _in_order(chunks, [embed(number) for number in range(len(chunks))])
    vectors.requires_grad_()
    found = loss(vectors)
    found.total.backward()
    for number, chunk in enumerate(chunks):
        embed(number).backward(vectors.grad[torch.from_numpy(chunk).to(vectors.device)])
    return found


def _in_order(chunks: Sequence[Chunk], parts: Sequence[torch.Tensor]) -> torch.Tensor:
    import torch

    order = torch.from_numpy(np.argsort(np.concatenate(chunks), kind="stable"))
    return torch.cat(list(parts))[order.to(parts[0].device)]
