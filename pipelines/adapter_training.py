"""`qa train adapter`: from questions with answers to an adapter, and whether it helps.

Passages are found by the index's own vectors; those that hold an answer are right (distant
supervision, Chen et al. 2017, section 4.3). Some questions are held out: on them the index is
searched again with the adapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoder.protocol import TextEncoder
from encoder.question_adapter import QuestionAdapter, no_adapter
from indexing.errors import InputError
from indexing.index import Index
from indexing.progress import Progress
from indexing.vectors import Vectors
from pipelines.answer_match import text_answers
from pipelines.kept_out import KeptOut
from pipelines.questions import Question, load_questions
from pipelines.scores import RECALL_AT, RankScores, rank_scores
from retriever.dense import check_encoder
from retriever.training.question_adapter import Candidates, train_adapter
from retriever.training.settings import AdapterTraining

_BATCH = 256
_REMEMBERED = 2**16  # passages of which it is known whether they may train
_HELD_OUT = 0.1
_MOST_HELD_OUT = 1000


@dataclass(frozen=True, slots=True)
class TrainedAdapter:
    """An adapter, and what held-out questions find with the encoder before and with it.

    `questions` trained it: those with a passage that holds an answer and one that does not.
    """

    adapter: QuestionAdapter
    questions: int
    held_out: int
    before: RankScores
    after: RankScores


def fit_adapter(
    sources: Sequence[Path | str],
    index: Index,
    encoder: TextEncoder,
    start: QuestionAdapter | None,
    settings: AdapterTraining,
    *,
    depth: int,
    keep_out: Sequence[Path],
    progress: Progress,
) -> TrainedAdapter:
    """Train an adapter of questions for an index.

    Args:
        sources: question files of any kind.
        index: an index with vectors of the encoder, which keeps them whole.
        encoder: the encoder, without an adapter.
        start: the adapter to go on from; None starts from one that changes nothing.
        settings: how to train.
        depth: how many passages are looked at for each question.
        keep_out: files whose questions, and passages of whose paragraphs, do not train.
        progress: is told of searching and training.

    Raises:
        InputError: the index cannot be used, or there are too few questions.
    """
    check_encoder(index, encoder)
    vectors = index.vectors
    if vectors is None or not vectors.whole:
        raise InputError(
            f"{index.path} keeps no whole vectors; make them anew with "
            f"`qa index add-vectors --index {index.path} --vectors auto`."
        )
    search = _Search(index, vectors, depth, KeptOut(keep_out), progress)
    asked = [q for source in sources for q in load_questions(source) if search.may_ask(q)]
    asked = [asked[i] for i in np.random.default_rng(settings.seed).permutation(len(asked))]
    count = min(_MOST_HELD_OUT, round(_HELD_OUT * len(asked)))
    start = start or no_adapter(encoder.dimension)
    encoded = encoder.encode_questions([question.text for question in asked])
    moved = start.apply(encoded)
    before = search.candidates("searching, held out", asked[:count], moved[:count])
    found = search.candidates("searching", asked[count:], moved[count:])
    found = replace(found, vectors=encoded[count:]).telling()
    if not len(found.vectors) or not before.right.any():
        raise InputError(
            f"{sources[0]}: too few questions have an answer in {index.path}; give more of them."
        )
    adapter = train_adapter(found, vectors.at, start, settings, progress)
    moved = adapter.apply(encoded[:count])
    after = search.candidates("searching, held out", asked[:count], moved)
    return TrainedAdapter(adapter, len(found.vectors), count, _scores(before), _scores(after))


@dataclass(frozen=True, slots=True)
class _Search:
    index: Index
    vectors: Vectors
    depth: int
    kept_out: KeptOut
    progress: Progress

    def may_ask(self, question: Question) -> bool:
        return self.kept_out.asks(question.text)

    def candidates(
        self, name: str, questions: Sequence[Question], encoded: NDArray[np.float32]
    ) -> Candidates:
        """Return what is found for the questions; passages that may not train are left out."""
        ids = np.full((len(questions), self.depth), -1, dtype=np.int64)
        right = np.zeros(ids.shape, dtype=np.bool_)
        text = lru_cache(_REMEMBERED)(self._text)
        with self.progress.stage(name, len(questions), "questions") as advance:
            for start in range(0, len(questions), _BATCH):
                stop = min(start + _BATCH, len(questions))
                ids[start:stop], _ = self.vectors.search(encoded[start:stop], self.depth)
                for row in range(start, stop):
                    key = text_answers(questions[row].answers)
                    for column, passage in enumerate(ids[row].tolist()):
                        own = text(passage) if passage >= 0 else None
                        if own is None:
                            ids[row, column] = -1
                        else:
                            right[row, column] = key.found_in(own)
                advance(stop - start)
        return Candidates(encoded, ids, right)

    def _text(self, passage: int) -> str | None:
        """Return a passage's text, or None if it may not train."""
        ((_, text),) = self.index.passages.texts(passage, passage + 1)
        return text if self.kept_out.reads(text) else None


def _scores(found: Candidates) -> RankScores:
    first = np.where(found.right.any(axis=1), found.right.argmax(axis=1) + 1, 0)
    return rank_scores(first.tolist(), [k for k in RECALL_AT if k <= found.ids.shape[1]])
