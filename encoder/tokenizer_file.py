"""A checkpoint's `tokenizer.json`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexing.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def read_tokenizer(file: Path) -> Tokenizer:
    """Read a tokenizer; it pads and cuts as the file says.

    Raises:
        InputError: the file is damaged.
    """
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise InputError(
            f"{file}: not a readable tokenizer ({error}); copy it anew from where the model is from"
        ) from error
