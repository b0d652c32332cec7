"""The tokenizer of a sentence encoder's folder, as encoding and training both use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from encoder.tokenizer_file import read_tokenizer
from indexing.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def open_tokenizer(folder: Path, max_length: int) -> Tokenizer:
    """Open a folder's tokenizer: no padding, texts cut to `max_length` word pieces.

    Raises:
        InputError: the folder has none, or it is damaged.
    """
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise InputError(f"{file}: not found; an encoder folder needs its tokenizer")
    tokenizer = read_tokenizer(file)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer
