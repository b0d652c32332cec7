"""What pretraining knows of a tokenizer's pieces."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InputError
from indexing.words import STOP_WORDS
from reader.features import ReaderTokenizer


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Special ids and flags of pieces, by id.

    `continuations` (size,) tells pieces that go on with a word, `content` (size,) those that are
    neither punctuation nor a stop word. `ordinary` are the ids that may stand for a random piece:
    all but the special and unused ones. `question` stands for a masked recurring span: an unused
    id, or [MASK] where there is none. `digest` tells vocabularies apart.
    """

    size: int
    cls: int
    sep: int
    pad: int
    mask: int
    question: int
    continuations: NDArray[np.bool_]
    content: NDArray[np.bool_]
    ordinary: NDArray[np.int32]
    digest: str

    @classmethod
    def from_folder(cls, folder: Path) -> Vocabulary:
        """Load it from a checkpoint's folder.

        Raises:
            InputError: the tokenizer is not of BERT's type, or has no [MASK].
        """
        tokenizer = ReaderTokenizer.from_folder(folder)
        tokens = tokenizer.tokens()
        size = len(tokenizer.continuations)
        names = [""] * size
        for token, number in tokens.items():
            names[number] = token
        if "[MASK]" not in tokens:
            raise InputError(f"{folder}: its vocabulary has no [MASK]; it cannot be pretrained")
        special = np.asarray([not name or (name[0] == "[" and name[-1] == "]") for name in names])
        special[tokens["[MASK]"]] = True
        unused = [number for number, name in enumerate(names) if name.startswith("[unused")]
        return cls(
            size=size,
            cls=tokenizer.cls,
            sep=tokenizer.sep,
            pad=tokenizer.pad,
            mask=tokens["[MASK]"],
            question=unused[0] if unused else tokens["[MASK]"],
            continuations=tokenizer.continuations,
            content=~special & np.asarray([_is_content(name) for name in names]),
            ordinary=np.flatnonzero(~special).astype(np.int32),
            digest=hashlib.sha256("\n".join(names).encode()).hexdigest(),
        )


def _is_content(piece: str) -> bool:
    if piece.startswith("##"):
        return True
    return piece.lower() not in STOP_WORDS and any(letter.isalnum() for letter in piece)
