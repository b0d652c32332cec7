"""The protocol of text encoders: what makes passage vectors and question vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class TextEncoder(Protocol):
    """Turns texts into unit vectors whose dot product is their similarity."""

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

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return vectors of shape (len(texts), dimension); `progress` gets texts just done."""
        ...
