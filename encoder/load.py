"""Encoders by name: the bundled one, or a folder."""

from __future__ import annotations

from pathlib import Path

from encoder.protocol import TextEncoder
from indexing.errors import InputError

DEFAULT = "default"


def default_folder() -> Path:
    """Return the folder of the bundled all-MiniLM-L6-v2."""
    return Path(__file__).parent / "all-MiniLM-L6-v2"


def load_encoder(name: str = DEFAULT, device: str = "auto", precision: str = "auto") -> TextEncoder:
    """Load an encoder by name (`default`) or from a Hugging Face folder of BERT type.

    Raises:
        InputError: there is no such encoder, or it is unusable.
    """
    from encoder.sentence import open_encoder

    folder = default_folder() if name == DEFAULT else Path(name)
    if not folder.is_dir():
        raise InputError(f"encoder {name!r}: no such folder; use 'default' or a checkpoint folder")
    return open_encoder(name, folder, device, precision)
