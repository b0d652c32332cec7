"""What one would write in an afternoon: bm25s, brute-force numpy and a naive reader."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
from job import Asked, Group, Job, content, lines, run
from naive import NaiveReader

DEPTH = 100
RANK_CONSTANT = 60  # of reciprocal rank fusion (Cormack et al. 2009)


def encoder(job: Job) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(job.threads)
    return SentenceTransformer(job.encoder, device="cpu")


class Plain:
    """See `job.System`."""

    def build(self, job: Job) -> None:
        passages = list(lines(job.passages))
        texts = [content(passage) for passage in passages]
        folder = Path(job.index)
        bm25 = bm25s.BM25()
        bm25.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False)
        bm25.save(folder)
        if job.vectors:
            vectors = np.load(job.vectors)
        else:
            vectors = encoder(job).encode(
                texts, batch_size=job.settings["encode_batch"], normalize_embeddings=True
            )
        np.save(folder / "vectors.npy", vectors)
        (folder / "passages.json").write_text(json.dumps(passages), encoding="utf-8")

    def open(self, job: Job) -> None:
        folder = Path(job.index)
        self.passages = json.loads((folder / "passages.json").read_text(encoding="utf-8"))
        self.bm25 = bm25s.BM25.load(folder)
        self.vectors = np.load(folder / "vectors.npy")
        self.encoder = encoder(job)
        self.top_k = job.top_k
        self.open_reader(job)

    def open_reader(self, job: Job) -> None:
        self.reader = NaiveReader.of_torch(job.reader, job.settings["read_batch"], job.threads)

    def ask(self, question: str) -> Asked:
        vector = self.encoder.encode(question, normalize_embeddings=True)
        chosen = [self.passages[i] for i in self._retrieve(question, vector)]
        found = self.reader.read([question] * len(chosen), [content(p) for p in chosen])
        return Asked(max(found)[1], [p["id"] for p in chosen])

    def ask_batch(self, questions: Sequence[str]) -> list[Asked]:
        vectors = self.encoder.encode(list(questions), normalize_embeddings=True)
        hits = [self._retrieve(q, v) for q, v in zip(questions, vectors, strict=True)]
        pairs = [(q, self.passages[i]) for q, own in zip(questions, hits, strict=True) for i in own]
        found = iter(self.reader.read([q for q, _ in pairs], [content(p) for _, p in pairs]))
        return [
            Asked(max(next(found) for _ in own)[1], [self.passages[i]["id"] for i in own])
            for own in hits
        ]

    def _retrieve(self, question: str, vector: np.ndarray) -> list[int]:
        depth = min(DEPTH, len(self.passages))
        words = bm25s.tokenize(question, stopwords="en", show_progress=False)
        lexical, _ = self.bm25.retrieve(words, k=depth, show_progress=False)
        dense = np.argsort(-(self.vectors @ vector))[:depth]
        scores: dict[int, float] = {}
        for ranking in (lexical[0], dense):
            for rank, i in enumerate(ranking, start=1):
                scores[int(i)] = scores.get(int(i), 0) + 1 / (RANK_CONSTANT + rank)
        return sorted(scores, key=lambda i: -scores[i])[: self.top_k]

    def read(self, groups: Sequence[Group]) -> list[list[str]]:
        questions = [group.question for group in groups for _ in group.texts]
        texts = [text for group in groups for text in group.texts]
        found = iter(self.reader.read(questions, texts))
        return [[next(found)[1] for _ in group.texts] for group in groups]


if __name__ == "__main__":
    run(Plain)
