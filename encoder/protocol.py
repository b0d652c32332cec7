"""The protocol of text encoders: what makes passage vectors and question vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class TextEncoder(Protocol):
    """Turns texts into vectors; the dot product of a question's and a passage's tells their fit."""

    @property
    def name(self) -> str:
        """What the user chose: a known name or a folder."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash of the weights, equal only for equal vectors; kept in an index's manifest."""
        ...

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        ...

    def passage_text(self, title: str, text: str) -> str:
        """Return a passage as `encode` wants it."""
        ...

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return vectors of shape (len(texts), dimension); `progress` gets texts just done."""
        ...

    def encode_questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of questions, which some models encode otherwise than passages."""
        ...
