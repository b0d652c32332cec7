"""Arrays to a torch device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


def to_device(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    """Copy to the device; by pinned memory to a GPU, so that the copy waits for nothing."""
    import torch

    tensor = torch.from_numpy(array)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
