"""Encoding speed and exactness of every CPU runtime, beside sentence-transformers, in one run.

    python -m benchmarks.encoder_speed CORPUS [--passages 2000] [--questions FILE]

Prints tokens/s, the ratio to sentence-transformers fp32 with the same weights, the share of the
processor's measured fp32 matrix-product rate that the encoder's arithmetic makes up, and the
cosine to the fp32 vectors. With questions about these passages also recall@20 by answer match in
title or text, all passages compared, and by how much it differs from the first's (paired
bootstrap).
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from encoder import cpu
from encoder.load import default_folder, load_encoder
from encoder.sentence_settings import titled
from indexing.corpus import CorpusOptions, read_documents
from indexing.problems import Problems
from indexing.splitting import SplitSettings, split
from pipelines.answer_match import text_answers
from pipelines.questions import Question, load_questions
from pipelines.statistics import paired_bootstrap

DEPTH = 20


def passages(path: Path, count: int) -> list[str]:
    """Return the first passages of a corpus, as the index encodes them."""
    documents = read_documents([path], CorpusOptions(), Problems())
    settings = SplitSettings()
    texts = (
        titled(d.title, d.text[start:end]) for d in documents for start, end in split(d, settings)
    )
    return list(itertools.islice(texts, count))


def gemm_rate() -> float:
    """Return fp32 floating-point operations a second of a large matrix product."""
    import torch

    torch.set_num_threads(cpu.threads())
    a = torch.randn(2048, 2048)
    a @ a
    begin = time.perf_counter()
    for _ in range(5):
        a @ a
    return 5 * 2 * 2048**3 / (time.perf_counter() - begin)


def operations(lengths: np.ndarray) -> float:
    """Return the operations of the matrix products for texts of these lengths (pieces)."""
    layers, hidden, wide = 6, 384, 1536
    matrices = 2 * (4 * hidden * hidden + 2 * hidden * wide)
    return float(layers * (lengths * matrices + 4 * lengths.astype(float) ** 2 * hidden).sum())


def timed(encode, texts) -> tuple[np.ndarray, float]:
    encode(texts[:16])
    begin = time.perf_counter()
    vectors = encode(texts)
    return vectors, time.perf_counter() - begin


def found(
    questions: Sequence[Question], asked: np.ndarray, texts: Sequence[str], vectors: np.ndarray
) -> np.ndarray:
    """Return 1 for each question that has an answer in its nearest passages, else 0."""
    nearest = np.argsort(-(asked @ vectors.T), axis=1, kind="stable")[:, :DEPTH]
    keys = [text_answers(question.answers) for question in questions]
    return np.array(
        [
            float(any(key.found_in(texts[n]) for n in row))
            for key, row in zip(keys, nearest.tolist(), strict=True)
        ]
    )


def recall_cell(hits: np.ndarray, first: np.ndarray) -> str:
    if not len(hits):
        return "|"
    gain = paired_bootstrap(100 * hits, 100 * first)
    return f"{100 * hits.mean():.2f} ({gain.difference:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]) |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--passages", type=int, default=2000)
    parser.add_argument("--questions", default=None, help="a file of questions about the passages")
    args = parser.parse_args()
    texts = passages(args.corpus, args.passages)
    questions = load_questions(args.questions) if args.questions else []
    wanted = [question.text for question in questions]
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from tokenizers import Tokenizer

    folder = default_folder()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.no_padding()
    lengths = np.array([len(e.ids) for e in tokenizer.encode_batch(texts)])
    words = modules.Transformer(str(folder), max_seq_length=256, model_kwargs={"dtype": "float32"})
    pooling = modules.Pooling(words.get_embedding_dimension())
    peer = SentenceTransformer(modules=[words, pooling], device="cpu")
    rate = gemm_rate()
    peer_encode = partial(peer.encode, normalize_embeddings=True)
    reference, seconds = timed(peer_encode, texts)
    asked = peer_encode(wanted) if wanted else None
    rows = [("sentence-transformers fp32", reference, seconds, asked)]
    precisions = ["fp32", "int8"] + (["bf16"] if cpu.has_fast_bf16(cpu.flags()) else [])
    for precision in precisions:
        encoder = load_encoder(device="cpu", precision=precision)
        vectors, took = timed(encoder.encode, texts)
        asked = encoder.encode_questions(wanted) if wanted else None
        rows.append((f"spanqa {precision}", vectors, took, asked))
    print(f"{len(texts)} passages, {lengths.sum():,} pieces, {cpu.threads()} cores, ", end="")
    print(f"fp32 matrix products at {rate / 1e9:.0f} GFLOP/s, {len(questions)} questions")
    print(
        "| encoder | tokens/s | times the first | share of the fp32 rate | mean cosine | least |"
        f" recall@{DEPTH} |"
    )
    print("|---" * 7 + "|")
    hits = [
        found(questions, asked, texts, vectors) if wanted else np.array([])
        for _, vectors, _, asked in rows
    ]
    for (name, vectors, took, _), own in zip(rows, hits, strict=True):
        cosine = (vectors * reference).sum(axis=1)
        print(
            f"| {name} | {lengths.sum() / took:,.0f} | {seconds / took:.2f} | "
            f"{100 * operations(lengths) / took / rate:.0f} % | {cosine.mean():.4f} | "
            f"{cosine.min():.4f} | {recall_cell(own, hits[0])}"
        )


if __name__ == "__main__":
    main()
