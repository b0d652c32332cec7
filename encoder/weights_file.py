"""Writing safetensors files: whole or not at all, and for all whom the umask lets read them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray


def write_weights(
    tensors: Mapping[str, NDArray[Any]] | Mapping[str, torch.Tensor],
    target: Path,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write arrays of numpy, or contiguous tensors of torch on the CPU, to a safetensors file.

    safetensors gives its files to their owner alone, whatever the umask says: what one user
    trained, a service that runs as another could not open. The file gets the mode that any new
    file has.
    """
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)  # of a killed run: its mode is not a new file's
    part.touch()
    mode = part.stat().st_mode
    _save(tensors, part, metadata)
    part.chmod(mode)
    part.replace(target)


def _save(
    tensors: Mapping[str, NDArray[Any]] | Mapping[str, torch.Tensor],
    file: Path,
    metadata: Mapping[str, str] | None,
) -> None:
    notes = dict(metadata) if metadata else None
    arrays = {name: value for name, value in tensors.items() if isinstance(value, np.ndarray)}
    if len(arrays) == len(tensors):
        from safetensors.numpy import save_file

        save_file(arrays, file, metadata=notes)
    else:
        from safetensors.torch import save_file as save_tensors

        save_tensors(dict(tensors), file, metadata=notes)
