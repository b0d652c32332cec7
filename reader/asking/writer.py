"""A trained question writer, ready to ask about passages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from indexing.documents import Passage
from indexing.errors import InputError
from reader.asking.model import load_writer
from reader.asking.sampling import SampleSettings, Special, write_targets
from reader.asking.sequences import Styles, place_of, source_ids, split_target
from reader.asking.training import RECORD
from reader.features import ReaderTokenizer

if TYPE_CHECKING:
    import torch

_LONGEST = 256  # pieces of a passage that are read


@dataclass(frozen=True, slots=True)
class Written:
    """A question, and the characters `[start, end)` of its passage that answer it."""

    question: str
    start: int
    end: int


class QuestionWriter:
    """Writes a question about each passage, with an answer that stands in it."""

    def __init__(self, model: torch.nn.Module, tokenizer: ReaderTokenizer, styles: Styles) -> None:
        self._model, self._tokenizer, self._styles = model, tokenizer, styles
        self._special = Special(tokenizer.pad, tokenizer.sep, tokenizer.tokens()["[MASK]"])

    @classmethod
    def from_folder(cls, folder: Path, device: str | None = None) -> QuestionWriter:
        """Load what `qa train writer` left.

        Raises:
            InputError: the folder holds no trained writer.
        """
        import torch

        record = folder / RECORD
        if not record.exists():
            raise InputError(f"{folder}: no trained question writer; `qa train writer` makes one")
        files = json.loads(record.read_text(encoding="utf-8"))["files"]
        tokenizer = ReaderTokenizer.from_folder(folder)
        where = device or ("cuda" if torch.cuda.is_available() else "cpu")
        model = load_writer(folder).to(torch.device(where)).eval()
        return cls(model, tokenizer, Styles.of(tokenizer, len(files)))

    @property
    def styles(self) -> int:
        """How many ways of asking the writer has learnt."""
        return max(1, len(self._styles.ids))

    def write(self, passages: Sequence[Passage], style: int, seed: int) -> list[Written | None]:
        """Ask about each passage; None where no question with an answer in it was written."""
        pieces = self._tokenizer.passages([passage.text for passage in passages])
        sources = [
            source_ids(self._tokenizer, self._styles, style, passage.title, own.ids[:_LONGEST])
            for passage, own in zip(passages, pieces, strict=True)
        ]
        targets = write_targets(self._model, sources, self._special, SampleSettings(), seed)
        found: list[Written | None] = []
        for target, own in zip(targets, pieces, strict=True):
            parts = split_target(target, self._special.sep)
            place = place_of(parts[0], own) if parts else None
            if parts is None or place is None:
                found.append(None)
            else:
                found.append(Written(self._tokenizer.text(parts[1]), *place))
        return found
