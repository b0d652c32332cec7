"""The question-answering pipeline of Transformers 4: reading only."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from job import Group, Job, run
from transformers import pipeline

MAX_ANSWER = 30  # as all readers here; the pipeline's default is 15 words


class Transformers:
    """See `job.System`; it has nothing to build or to ask."""

    def open_reader(self, job: Job) -> None:
        torch.set_num_threads(job.threads)
        self.batch = job.settings["read_batch"]
        self.reader = pipeline("question-answering", model=job.reader, device="cpu")

    def read(self, groups: Sequence[Group]) -> list[list[str]]:
        pairs = [
            {"question": group.question, "context": text}
            for group in groups
            for text in group.texts
        ]
        found = self.reader(pairs, batch_size=self.batch, max_answer_len=MAX_ANSWER)
        found = iter(found if isinstance(found, list) else [found])
        return [[next(found)["answer"] for _ in group.texts] for group in groups]


if __name__ == "__main__":
    run(Transformers)
