"""Vectors that were made once, lent to other indexes and systems: encoding takes the most time.

    python -m benchmarks.lent_vectors INDEX PASSAGES OUT

writes the vectors of PASSAGES (JSONL with "title" and "text") to OUT, an .npy file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from encoder.load import load_encoder
from indexing.index import Index


class Lent:
    """An encoder that has the vectors of an index's passages, and makes those of others."""

    def __init__(self, lender: Path) -> None:
        self._encoder = load_encoder()
        index = Index.open(lender)
        self._vectors = index.vectors
        texts = index.passages.texts(0, len(index.passages))
        self._places = {self.passage_text(*one): place for place, one in enumerate(texts)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        places = [self._places.get(text) for text in texts]
        unknown = [text for text, at in zip(texts, places, strict=True) if at is None]
        made = iter(self._encoder.encode(unknown))
        found = [next(made) if at is None else self._vectors.stored(at, at + 1)[0] for at in places]
        if progress is not None:
            progress(len(texts))
        return np.stack(found)


def main() -> None:
    lender, passages, out = map(Path, sys.argv[1:])
    encoder = Lent(lender)
    with passages.open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    texts = [encoder.passage_text(one["title"], one["text"]) for one in records]
    np.save(out, encoder.encode(texts))


if __name__ == "__main__":
    main()
