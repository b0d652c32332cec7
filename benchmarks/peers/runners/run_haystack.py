"""Haystack 2: in-memory BM25 and embedding retrievers, DocumentJoiner, ExtractiveReader."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

import numpy as np
import torch
from haystack import Document, Pipeline
from haystack.components.embedders import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)
from haystack.components.joiners import DocumentJoiner
from haystack.components.readers import ExtractiveReader
from haystack.components.retrievers.in_memory import (
    InMemoryBM25Retriever,
    InMemoryEmbeddingRetriever,
)
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import ComponentDevice
from job import Asked, Group, Job, content, lines, run

DEPTH = 100
STORE = "store.json"
CPU = ComponentDevice.from_str("cpu")


class Haystack:
    """See `job.System`."""

    def build(self, job: Job) -> None:
        torch.set_num_threads(job.threads)
        documents = [Document(id=p["id"], content=content(p)) for p in lines(job.passages)]
        store = InMemoryDocumentStore(embedding_similarity_function="dot_product")
        store.write_documents(self._with_vectors(documents, job))
        store.save_to_disk(str(Path(job.index) / STORE))

    def _with_vectors(self, documents: list[Document], job: Job) -> list[Document]:
        if job.vectors:
            for document, vector in zip(documents, np.load(job.vectors), strict=True):
                document.embedding = vector.tolist()
            return documents
        embedder = SentenceTransformersDocumentEmbedder(
            model=job.encoder,
            device=CPU,
            batch_size=job.settings["encode_batch"],
            normalize_embeddings=True,
            progress_bar=False,
        )
        embedder.warm_up()
        return embedder.run(documents)["documents"]

    def open(self, job: Job) -> None:
        self.open_reader(job)
        store = InMemoryDocumentStore.load_from_disk(str(Path(job.index) / STORE))
        embedder = SentenceTransformersTextEmbedder(
            model=job.encoder, device=CPU, normalize_embeddings=True, progress_bar=False
        )
        pipeline = Pipeline()
        pipeline.add_component("embedder", embedder)
        pipeline.add_component("bm25", InMemoryBM25Retriever(store, top_k=DEPTH))
        pipeline.add_component("dense", InMemoryEmbeddingRetriever(store, top_k=DEPTH))
        pipeline.add_component(
            "joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=job.top_k)
        )
        pipeline.add_component("reader", self.reader)
        pipeline.connect("embedder", "dense")
        pipeline.connect("bm25", "joiner")
        pipeline.connect("dense", "joiner")
        pipeline.connect("joiner", "reader.documents")
        embedder.warm_up()
        self.pipeline = pipeline

    def open_reader(self, job: Job) -> None:
        torch.set_num_threads(job.threads)
        # One candidate a row is enough for the best answer of each text, and quicker than the
        # default's twenty.
        self.reader = ExtractiveReader(
            model=job.reader,
            device=CPU,
            answers_per_seq=1,
            no_answer=False,
            overlap_threshold=None,
            max_batch_size=job.settings["read_batch"],
        )
        self.reader.warm_up()

    def ask(self, question: str) -> Asked:
        inputs = {
            "embedder": {"text": question},
            "bm25": {"query": question},
            "reader": {"query": question, "top_k": 1},
        }
        found = self.pipeline.run(inputs, include_outputs_from={"joiner"})
        answers = found["reader"]["answers"]
        ids = [document.id for document in found["joiner"]["documents"]]
        return Asked(answers[0].data or "" if answers else "", ids)

    def ask_batch(self, questions: Sequence[str]) -> list[Asked]:
        """Ask in turn: a pipeline takes one question a run."""
        return [self.ask(question) for question in questions]

    def read(self, groups: Sequence[Group]) -> list[list[str]]:
        """Read the texts of one question together: the reader takes one question a run."""
        answers = []
        for group in groups:
            documents = [Document(id=str(i), content=text) for i, text in enumerate(group.texts)]
            found = self.reader.run(
                query=group.question, documents=documents, top_k=8 * len(documents)
            )
            best: dict[str, str] = {}
            for answer in found["answers"]:  # best first
                best.setdefault(answer.document.id, answer.data or "")
            answers.append([best.get(document.id, "") for document in documents])
        return answers


if __name__ == "__main__":
    run(Haystack)
