"""The choice of runtime: one way to open a model, whatever the machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from encoder import cpu
from encoder.bert import Head
from encoder.checkpoint import check_files, read_checkpoint
from indexing.errors import InputError

PRECISIONS = ("auto", "int8", "bf16", "fp32")


class Session(Protocol):
    """A model ready to run; safe to share between threads."""

    @property
    def workers(self) -> int:
        """How many runs at a time keep the whole device busy."""
        ...

    @property
    def tokens(self) -> int:
        """The size of a padded batch, in tokens, that runs fastest; with 1, rows are run alone."""
        ...

    def run(
        self, ids: NDArray[np.int32], segments: NDArray[np.int32], mask: NDArray[np.int32]
    ) -> list[NDArray[np.float32]]:
        """Return the head's outputs for one padded batch of shape (rows, length)."""
        ...


class LateSession:
    """Opens a session when it is first asked for something; see `Session`."""

    def __init__(self, opened: Callable[[], Session]) -> None:
        self._opened, self._lock = opened, Lock()
        self._session: Session | None = None

    def _own(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = self._opened()
            return self._session

    @property
    def workers(self) -> int:
        """How many runs at a time keep the whole device busy."""
        return self._own().workers

    @property
    def tokens(self) -> int:
        """The size of a padded batch, in tokens, that runs fastest."""
        return self._own().tokens

    def run(
        self, ids: NDArray[np.int32], segments: NDArray[np.int32], mask: NDArray[np.int32]
    ) -> list[NDArray[np.float32]]:
        """Return the head's outputs for one padded batch."""
        return self._own().run(ids, segments, mask)


def pick(device: str, precision: str) -> tuple[str, str]:
    """Return the device and precision to use where the user said `auto`.

    A CUDA device is picked only if the user's environment has torch with CUDA loaded or asks for
    it by name: looking for one costs the import of torch.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision {precision!r} is unknown; choose one of {PRECISIONS}")
    if device == "auto":
        device = "cuda" if _has_cuda() else "cpu"
    if precision != "auto":
        return device, precision
    if device != "cpu":
        return device, "bf16"
    return device, "bf16" if cpu.has_amx(cpu.flags()) else "int8"


def _has_cuda() -> bool:
    """Look for a GPU without importing torch on machines that have none."""
    import importlib.util

    if not Path("/dev/nvidiactl").exists() or importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


def check_device(device: str) -> None:
    """Raise InputError unless the device is one that models can run on here."""
    if device == "cpu":
        return
    try:
        import torch

        torch.empty(0, device=device)
    except ImportError:
        raise InputError(
            f"device {device!r} needs torch: pip install 'spanqa[train]', or use --device cpu"
        ) from None
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        reason = str(error).split("\n")[0]
        raise InputError(
            f"device {device!r} is not to be had here ({reason}); use --device cpu or auto"
        ) from error


def open_session(
    folder: Path, head: Head, device: str = "auto", precision: str = "auto", threads: int = 0
) -> Session:
    """Open a checkpoint with the fastest runtime for the device and precision.

    On the CPU bf16 and fp32 run through OpenVINO, int8 by machine code of our own where the
    processor has AVX-512 VNNI, else through ONNX Runtime; any other device goes to torch.
    `threads` 0 means all cores.

    Raises:
        InputError: the checkpoint is unusable, or the combination is not to be had.
    """
    device, precision = pick(device, precision)
    if device != "cpu":
        if precision == "int8":
            raise InputError("int8 runs on the CPU only; use --precision bf16 or fp32")
        check_device(device)
        from encoder.torch_runtime import TorchSession

        return TorchSession(read_checkpoint(folder), head, device=device, precision=precision)
    check_files(folder)
    threads = threads or cpu.threads()
    if precision == "int8":
        from encoder.jit_runtime import JitSession, can_run

        if can_run(folder):
            return JitSession(folder, head, threads=threads)
        from encoder.onnx_runtime import FULL_LIMIT, SAFE_LIMIT, OnnxSession

        limit = FULL_LIMIT if cpu.has_dot_product(cpu.flags()) else SAFE_LIMIT
        return OnnxSession(folder, head, limit=limit, threads=threads)
    from encoder.openvino_runtime import OpenVinoSession

    return OpenVinoSession(read_checkpoint(folder), head, precision=precision, threads=threads)
