"""The folder of a model that is named: one on this machine, or from the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from indexing.errors import InputError

_FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]  # nothing that is code or pickled


def model_folder(name: str, kind: str, preset: str) -> Path:
    """Return the folder that a name stands for; a model of the hub, OWNER/MODEL, is downloaded.

    Args:
        name: a folder or a name of the hub.
        kind: what the model is, for the error, as "encoder".
        preset: the name of the model that needs neither, for the error.

    Raises:
        InputError: there is no such model.
    """
    folder = Path(name)
    if folder.is_dir():
        return folder
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return _downloaded(name, kind)
    raise InputError(
        f"{kind} {name!r}: no such folder; use {preset!r}, a checkpoint folder, or a model of the "
        "Hugging Face hub as OWNER/MODEL"
    )


def _downloaded(name: str, kind: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=_FILES))
    except Exception as error:  # the hub's client raises many kinds, its HTTP library others
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise InputError(
            f"{kind} {name!r}: no such folder, nor to be had from the Hugging Face hub ({reason})"
        ) from error
