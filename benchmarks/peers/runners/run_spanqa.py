"""SpanQA through its public classes, in the environment of the driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from job import Asked, Group, Job, run

from indexing.documents import Passage


class Given:
    """An encoder that has the vectors of the passages, which it is asked for in order."""

    def __init__(self, encoder: Any, file: str) -> None:
        self._encoder = encoder
        self._file = file
        self._done = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode(self, texts: Sequence[str], progress: Any = None) -> np.ndarray:
        # Read piece by piece, as an encoder makes them: all of them need not be in memory.
        first, self._done = self._done, self._done + len(texts)
        return np.array(np.load(self._file, mmap_mode="r")[first : self._done])


class SpanQA:
    """See `job.System`."""

    def build(self, job: Job) -> None:
        from encoder.load import load_encoder
        from indexing.build import build_index

        encoder = load_encoder()
        build_index(
            [job.passages],
            job.index,
            encoder=Given(encoder, job.vectors) if job.vectors else encoder,
        )

    def open(self, job: Job) -> None:
        from pipelines.ask import QuestionAnswering

        self.top_k = job.settings.get("passages", job.top_k)
        self.qa = QuestionAnswering.load(job.index, precision=job.settings["precision"])

    def ask(self, question: str) -> Asked:
        return self.ask_batch([question])[0]

    def ask_batch(self, questions: Sequence[str]) -> list[Asked]:
        found = self.qa.ask_batch(questions, answers=1, top_k=self.top_k, min_probability=0)
        return [
            Asked(
                one.answers[0].text if one.answers else "",
                [hit.passage.document_id for hit in one.hits],
            )
            for one in found
        ]

    def open_reader(self, job: Job) -> None:
        from reader.inference import ReadSettings
        from reader.load import load_reader

        # As the other readers: the best answer of each passage.
        settings = ReadSettings(spans=1)
        self.reader = load_reader(precision=job.settings["precision"], settings=settings).reader

    def read(self, groups: Sequence[Group]) -> list[list[str]]:
        """Read each text as if it were its question's only one."""
        questions = [group.question for group in groups for _ in group.texts]
        texts = [text for group in groups for text in group.texts]
        passages = [[Passage(i, str(i), "", text, 0, len(text))] for i, text in enumerate(texts)]
        spans = self.reader.read(questions, passages)
        answers = iter([own[0].text if own else "" for own in spans])
        return [[next(answers) for _ in group.texts] for group in groups]


if __name__ == "__main__":
    run(SpanQA)
