"""Training examples for the encoder from a corpus alone, without questions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from indexing.corpus import CorpusOptions, corpus_size, read_documents
from indexing.problems import Problems
from indexing.progress import Progress
from indexing.splitting import SplitSettings, split
from pipelines.retriever_examples import Collected
from retriever.training.cloze import cloze_question
from retriever.training.examples import TrainingExamples
from retriever.training.recurring import span_questions


def corpus_examples(
    sources: Sequence[Path | str], corpus: CorpusOptions, seed: int, progress: Progress
) -> TrainingExamples:
    """Make a question of each passage, as an index cuts the corpus.

    Where two passages of a document share a span of words, one asks for the other; a document
    without such spans asks by its sentences. A passage with the span, or with the sentence, is
    nobody's wrong passage.
    """
    generator = np.random.default_rng((seed, 2))
    collected = Collected()
    with progress.stage("reading", corpus_size(sources), "B") as advance:
        for document in read_documents(sources, corpus, Problems(), advance):
            ranges = split(document, SplitSettings())
            texts = [document.text[start:end] for start, end in ranges]
            add_document(collected, document.title, texts, generator)
    return collected.examples()


def add_document(
    collected: Collected, title: str, texts: Sequence[str], generator: np.random.Generator
) -> None:
    """Take in the questions of a document's passages."""
    numbers = [collected.add_passage(title, text) for text in texts]
    found = span_questions(texts, generator)
    for spans in found:
        positives = [numbers[number] for number in spans.positives]
        negatives = [numbers[number] for number in spans.negatives]
        collected.add_question(spans.text, [spans.span], positives, negatives)
    if found:
        return
    for text in texts:
        cloze = cloze_question(text, generator)
        if cloze is not None:
            passage = collected.add_passage(title, cloze.passage)
            collected.add_question(cloze.text, [cloze.text], [passage], [])
