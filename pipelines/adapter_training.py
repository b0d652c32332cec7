"""`qa train adapter`: from questions with answers to what encodes them, and whether it helps.

Passages are found by the index's own vectors and by BM25; those that hold an answer are right
(distant supervision, Chen et al. 2017, section 4.3). Some questions are held out: for them the
index is searched as it is asked, with what encoded them before and with what was learnt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoder.protocol import TextEncoder
from encoder.question_adapter import no_adapter, read_adapter
from indexing.errors import InputError
from indexing.index import Index
from indexing.progress import Progress
from indexing.vectors import Vectors
from pipelines.answer_match import first_match, text_answers
from pipelines.kept_out import KeptOut
from pipelines.questions import Question, load_questions
from pipelines.scores import RECALL_AT, RankScores, rank_scores
from retriever.bm25 import bm25_rankings
from retriever.dense import DenseRetriever
from retriever.fusion import MIN_MAX, scaled
from retriever.hybrid import HybridRetriever
from retriever.training.candidates import Candidates
from retriever.training.model import trainable_settings
from retriever.training.question_adapter import train_adapter
from retriever.training.settings import AdapterTraining

_BATCH = 256
_REMEMBERED = 2**16  # passages of which it is known whether they may train
_HELD_OUT = 0.1
_MOST_HELD_OUT = 1000

Load = Callable[[Path, bool], TextEncoder]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What held-out questions find with the encoder before, and with what was learnt.

    `questions` trained: those with a passage that holds an answer and one that does not.
    """

    questions: int
    held_out: int
    before: RankScores
    after: RankScores


def fit_questions(
    sources: Sequence[Path | str],
    index: Index,
    folder: Path,
    load: Load,
    settings: AdapterTraining,
    *,
    whole: bool,
    depth: int,
    keep_out: Sequence[Path],
    progress: Progress,
) -> Fitted:
    """Fit what encodes questions to an index, and write it into an encoder's folder.

    Args:
        sources: question files of any kind.
        index: an index with vectors of the encoder, which keeps them whole.
        folder: a copy of the encoder's folder; what it has for questions is gone on from.
        load: opens an encoder's folder, with its adapter of questions or without.
        settings: how to train.
        whole: train an encoder of questions and an adapter after it, not the adapter alone.
        depth: how many passages of each ranking are looked at for each question.
        keep_out: files whose questions, and passages of whose paragraphs, do not train.
        progress: is told of searching and training.

    Raises:
        InputError: the index or the encoder cannot be used, or there are too few questions.
    """
    if whole:
        trainable_settings(folder)  # an encoder that cannot be trained is refused before searching
    vectors = _whole_vectors(index)
    kept_out = KeptOut(keep_out)
    held_out, training = _parted(sources, kept_out, settings.seed)
    hybrid = settings.lexical > 0
    before = _scores(index, load(folder, True), held_out, hybrid=hybrid) if held_out else None
    encoder = load(folder, False)
    start = read_adapter(folder, encoder.dimension) or no_adapter(encoder.dimension)
    encoded = encoder.encode_questions([question.text for question in training])
    search = _Search(index, vectors, depth, hybrid, kept_out, progress)
    candidates = search.candidates(training, encoded, start.apply(encoded)).telling()
    if before is None or not candidates.texts or not before["mrr"]:
        raise InputError(
            f"{sources[0]}: too few questions have an answer in {index.path}; give more of them."
        )
    if whole:
        from retriever.training.question_encoder import train_question_encoder

        learnt = train_question_encoder(candidates, vectors.at, folder, start, settings, progress)
        learnt.save(folder)
    else:
        train_adapter(candidates, vectors.at, start, settings, progress).save(folder)
    after = _scores(index, load(folder, True), held_out, hybrid=hybrid)
    return Fitted(len(candidates.texts), len(held_out), before, after)


def _whole_vectors(index: Index) -> Vectors:
    vectors = index.vectors
    if vectors is None or not vectors.whole:
        raise InputError(
            f"{index.path} keeps no whole vectors; make them anew with "
            f"`qa index add-vectors --index {index.path} --vectors auto`."
        )
    return vectors


def _parted(
    sources: Sequence[Path | str], kept_out: KeptOut, seed: int
) -> tuple[list[Question], list[Question]]:
    """Return the questions that are held out, and those that train."""
    asked = [q for source in sources for q in load_questions(source) if kept_out.asks(q.text)]
    asked = [asked[i] for i in np.random.default_rng(seed).permutation(len(asked))]
    count = min(_MOST_HELD_OUT, round(_HELD_OUT * len(asked)))
    return asked[:count], asked[count:]


@dataclass(frozen=True, slots=True)
class _Search:
    index: Index
    vectors: Vectors
    depth: int
    hybrid: bool
    kept_out: KeptOut
    progress: Progress

    def candidates(
        self,
        questions: Sequence[Question],
        encoded: NDArray[np.float32],
        moved: NDArray[np.float32],
    ) -> Candidates:
        """Return what is found for the questions; passages that may not train are left out."""
        shape = (len(questions), self.depth * (2 if self.hybrid else 1))
        ids = np.full(shape, -1, dtype=np.int64)
        lexical = np.zeros(shape, dtype=np.float32)
        right = np.zeros(shape, dtype=np.bool_)
        texts = [question.text for question in questions]
        passage_text = lru_cache(_REMEMBERED)(self._text)
        with self.progress.stage("searching", len(questions), "questions") as advance:
            for start in range(0, len(questions), _BATCH):
                batch = slice(start, start + _BATCH)
                near, _ = self.vectors.search(moved[batch], self.depth)
                ids[batch, : self.depth] = near
                if self.hybrid:
                    self._add_lexical(texts[batch], ids[batch], lexical[batch])
                for row in range(*batch.indices(len(questions))):
                    key = text_answers(questions[row].answers)
                    for column, passage in enumerate(ids[row].tolist()):
                        own = passage_text(passage) if passage >= 0 else None
                        if own is None:
                            ids[row, column] = -1
                        else:
                            right[row, column] = key.found_in(own)
                advance(len(texts[batch]))
        return Candidates(texts, encoded, ids, right, lexical)

    def _add_lexical(
        self, texts: Sequence[str], ids: NDArray[np.int64], lexical: NDArray[np.float32]
    ) -> None:
        """Add BM25's passages to each row's, and its scores to all that it ranks."""
        for row, ranking in enumerate(bm25_rankings(self.index, texts, self.depth)):
            known = dict(
                zip(ranking.ids.tolist(), scaled(ranking.scores, MIN_MAX).tolist(), strict=True)
            )
            near = set(ids[row].tolist())
            others = [passage for passage in known if passage not in near]
            ids[row, self.depth : self.depth + len(others)] = others
            lexical[row] = [known.get(passage, 0.0) for passage in ids[row].tolist()]

    def _text(self, passage: int) -> str | None:
        """Return a passage's text, or None if it may not train."""
        ((_, text),) = self.index.passages.texts(passage, passage + 1)
        return text if self.kept_out.reads(text) else None


def _scores(
    index: Index, encoder: TextEncoder, questions: Sequence[Question], *, hybrid: bool
) -> RankScores:
    kind = HybridRetriever if hybrid else DenseRetriever
    found = kind(index, encoder).retrieve([q.text for q in questions], max(RECALL_AT))
    ranks = [
        first_match(text_answers(question.answers), [hit.passage for hit in hits])
        for question, hits in zip(questions, found, strict=True)
    ]
    return rank_scores(ranks, RECALL_AT)
