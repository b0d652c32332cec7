"""What training must not see: the questions of test files, and text that stands in their contexts.

What a reader is tested on, it must not have read in training. Windows of a test paragraph share
most of their runs of eight words with it; texts that only quote the same sentence share few.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.question_records import read_records
from reader.normalising import normalise_answer

_SHARE = 0.2


class KeptOut:
    """Passes over what stands in some question files.

    Raises:
        InputError: a file is unusable.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        from pipelines.word_runs import runs_of

        contexts: set[str] = set()
        self._questions: set[str] = set()
        for _, record in (pair for file in files for pair in read_records(file)):
            self._questions.add(normalise_answer(str(record.get("question"))))
            if isinstance(record.get("context"), str):
                contexts.add(record["context"])
        self._known = runs_of(contexts)

    def asks(self, question: str) -> bool:
        """Tell whether a question may train: the files do not ask it."""
        return normalise_answer(question) not in self._questions

    def reads(self, text: str) -> bool:
        """Tell whether a passage may train: less than a fifth of it stands in their contexts."""
        from pipelines.word_runs import share_known, word_runs

        return not len(self._known) or share_known(word_runs(text), self._known) < _SHARE

    def paragraphs(self, text: str) -> str:
        """Return a document's text without the paragraphs (lines) that may not train."""
        if not len(self._known):
            return text
        return "\n".join(line for line in text.split("\n") if self.reads(line))
