"""Pyserini: Lucene's BM25 and a flat FAISS index, fused; a naive reader, since it has none.

Both indexes are built by the commands of its documentation.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from job import Asked, Job, content, lines, run
from naive import NaiveReader

DEPTH = 100
ALPHA = 0.1  # HybridSearcher's default: the weight of BM25 beside unit vectors


class Pyserini:
    """See `job.System`."""

    def build(self, job: Job) -> None:
        if job.vectors:
            raise SystemExit("its own command makes the vectors; it takes none that are given")
        with TemporaryDirectory() as folder:
            corpus = Path(folder) / "corpus.jsonl"
            with corpus.open("w", encoding="utf-8") as file:
                for p in lines(job.passages):
                    # A line break would begin another field.
                    contents = content(p).replace("\n", " ")
                    file.write(json.dumps({"id": p["id"], "contents": contents}) + "\n")
            self._index_words(job, folder)
            self._index_vectors(job, str(corpus))
        passages = {p["id"]: content(p) for p in lines(job.passages)}
        (Path(job.index) / "passages.json").write_text(json.dumps(passages), encoding="utf-8")

    def _index_words(self, job: Job, folder: str) -> None:
        command = "-m pyserini.index.lucene --collection JsonCollection"
        command += f" --generator DefaultLuceneDocumentGenerator --threads {job.threads}"
        command += f" --input {folder} --index {job.index}/lucene"
        subprocess.run([sys.executable, *command.split()], check=True)

    def _index_vectors(self, job: Job, corpus: str) -> None:
        command = f"-m pyserini.encode input --corpus {corpus} --fields text"
        command += f" output --embeddings {job.index}/faiss --to-faiss"
        # This class alone gets mean pooling and unit length from the command.
        command += f" encoder --encoder {job.encoder} --encoder-class sentence-transformers"
        command += f" --fields text --dimension {self._dimension(job)} --device cpu"
        command += f" --batch-size {job.settings['encode_batch']}"
        subprocess.run([sys.executable, *command.split()], check=True)

    def _dimension(self, job: Job) -> int:
        config = (Path(job.encoder) / "config.json").read_text(encoding="utf-8")
        return json.loads(config)["hidden_size"]

    def open(self, job: Job) -> None:
        import torch
        from pyserini.search.faiss import AutoQueryEncoder, FaissSearcher
        from pyserini.search.hybrid import HybridSearcher
        from pyserini.search.lucene import LuceneSearcher

        torch.set_num_threads(job.threads)
        encoder = AutoQueryEncoder(job.encoder, device="cpu", pooling="mean", l2_norm=True)
        dense = FaissSearcher(f"{job.index}/faiss", encoder)
        self.searcher = HybridSearcher(dense, LuceneSearcher(f"{job.index}/lucene"))
        file = Path(job.index) / "passages.json"
        self.passages = json.loads(file.read_text(encoding="utf-8"))
        self.top_k, self.threads = job.top_k, job.threads
        self.open_reader(job)

    def open_reader(self, job: Job) -> None:
        self.reader = NaiveReader.of_torch(job.reader, job.settings["read_batch"], job.threads)

    def ask(self, question: str) -> Asked:
        hits = self.searcher.search(question, k0=DEPTH, k=self.top_k, alpha=ALPHA)
        return self._read([question], [[hit.docid for hit in hits]])[0]

    def ask_batch(self, questions: Sequence[str]) -> list[Asked]:
        ids = [str(number) for number in range(len(questions))]
        found = self.searcher.batch_search(
            list(questions), ids, k0=DEPTH, k=self.top_k, threads=self.threads, alpha=ALPHA
        )
        return self._read(questions, [[hit.docid for hit in found[id_]] for id_ in ids])

    def _read(self, questions: Sequence[str], hits: Sequence[Sequence[str]]) -> list[Asked]:
        pairs = [(q, self.passages[i]) for q, own in zip(questions, hits, strict=True) for i in own]
        found = iter(self.reader.read([q for q, _ in pairs], [text for _, text in pairs]))
        return [Asked(max(next(found) for _ in own)[1], list(own)) for own in hits]


if __name__ == "__main__":
    run(Pyserini)
