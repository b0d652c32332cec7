"""Several processes that train together, one a device, as `torchrun` starts them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_PATIENCE = timedelta(days=7)  # others wait while the first process tokenises the corpus


@dataclass(frozen=True, slots=True)
class Group:
    """The number of this process, how many there are, and its device."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes and prints."""
        return self.rank == 0

    def sum(self, values: Sequence[float]) -> list[float]:
        """Return the sums over all processes."""
        import torch

        if self.size == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(total)
        return [float(value) for value in total.tolist()]

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Add up the gradients of all processes in place, as one message; none counts as 0."""
        import torch

        owned = [parameter for parameter in parameters if parameter.requires_grad]
        for parameter in owned:
            if parameter.grad is None:  # a head that this process's batches did not need
                parameter.grad = torch.zeros_like(parameter)
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in owned]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        torch.distributed.all_reduce(flat)
        pieces = flat.split([gradient.numel() for gradient in gradients])
        for gradient, piece in zip(gradients, pieces, strict=True):
            gradient.copy_(piece.view_as(gradient))

    def wait(self) -> None:
        """Wait for all processes."""
        import torch

        if self.size > 1:
            torch.distributed.barrier()


@contextmanager
def process_group() -> Iterator[Group]:
    """Join the processes that torchrun started; a process that was started alone is alone."""
    import torch

    cuda = torch.cuda.is_available()
    size = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    if size == 1:
        yield Group(0, 1, device)
        return
    torch.distributed.init_process_group("nccl" if cuda else "gloo", timeout=_PATIENCE)
    try:
        yield Group(torch.distributed.get_rank(), size, device)
    finally:
        torch.distributed.destroy_process_group()
