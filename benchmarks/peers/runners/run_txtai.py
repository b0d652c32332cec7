"""txtai 9: a hybrid Embeddings index, and RAG with an extractive model.

RAG joins the passages into one text and reads the 512 word pieces that fit; it cannot read twenty
passages each by itself, since its reader returns no scores to compare them by.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from job import Asked, Group, Job, content, lines, run
from txtai import RAG, Embeddings
from txtai.pipeline import Questions


class CarefulQuestions(Questions):
    """The extractive model, with no answer where it fails.

    It raises TypeError where the best start or end is outside the text, as it often is where the
    text holds no answer; all other answers of the call would be lost with it.
    """

    def __call__(self, questions, contexts, **kwargs):
        return [self._one(q, c) for q, c in zip(questions, contexts, strict=True)]

    def _one(self, question: str, context: str) -> str | None:
        try:
            return super().__call__([question], [context])[0]
        except TypeError:
            return None


class Txtai:
    """See `job.System`."""

    def build(self, job: Job) -> None:
        torch.set_num_threads(job.threads)
        embeddings = Embeddings(
            path=job.encoder,
            method="sentence-transformers",
            hybrid=True,
            content=True,
            gpu=False,
            encodebatch=job.settings["encode_batch"],
        )
        if job.vectors:
            left = iter(np.load(job.vectors))
            embeddings.model.encode = lambda data, category=None: np.stack(
                [next(left) for _ in data]
            )
        embeddings.index((p["id"], content(p), None) for p in lines(job.passages))
        embeddings.save(str(Path(job.index) / "embeddings"))
        embeddings.close()

    def open(self, job: Job) -> None:
        torch.set_num_threads(job.threads)
        self.embeddings = Embeddings()
        self.embeddings.load(str(Path(job.index) / "embeddings"))
        self.top_k = job.top_k
        self.open_reader(job)
        self.rag = RAG(self._found, self.reader, context=job.top_k, output="flatten")
        self.results: list[list[dict]] = []

    def _found(self, queries: list[str], limit: int) -> list[list[dict]]:
        """Search, and keep what was found: RAG itself does not tell which passages it used."""
        self.results = self.embeddings.batchsearch(queries, limit)
        return self.results

    def ask(self, question: str) -> Asked:
        return self.ask_batch([question])[0]

    def ask_batch(self, questions: Sequence[str]) -> list[Asked]:
        answers = self.rag(list(questions))
        return [
            Asked(answer or "", [row["id"] for row in rows])
            for answer, rows in zip(answers, self.results, strict=True)
        ]

    def open_reader(self, job: Job) -> None:
        torch.set_num_threads(job.threads)
        self.reader = CarefulQuestions(job.reader, gpu=False, quantize=job.settings["quantize"])

    def read(self, groups: Sequence[Group]) -> list[list[str]]:
        answers = []
        for group in groups:
            found = self.reader([group.question] * len(group.texts), group.texts)
            answers.append([answer or "" for answer in found])
        return answers


if __name__ == "__main__":
    run(Txtai)
