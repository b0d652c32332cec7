"""Reading the best answers again, each marked in its passage.

A reader that looks at a passage has to find all of its answers at once. One that is shown a single
answer, marked, and trained to tell the right from what a reader found beside it, tells better
which is right (Iyer et al. 2021, "RECONSIDER", section 3). The mark is the segment: the pieces of
the answer have that of the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from encoder.batching import pad, run_batches
from encoder.session import Session
from reader.features import MAX_HEAD, Pieces, ReaderTokenizer
from reader.ranking import Evidence
from reader.spans import Span

RESCORER = "rescorer"
"""The folder of a rescorer's checkpoint in that of its reader."""

READ_AGAIN = 5  # answers of a question
_AROUND = 80  # word pieces of a passage, the answer in their middle
LONGEST_MARKED = MAX_HEAD + _AROUND + 1
"""The word pieces of a row, the last [SEP] included."""


class Rescorer(Protocol):
    """Scores answers one by one."""

    def rescore(
        self, questions: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> list[list[float]]:
        """Return a score for each span; of one question's the greater is better."""
        ...


@dataclass(frozen=True, slots=True)
class MarkedRow:
    """One row of model input: int32 `ids` and `segments` of shape (length,).

    The answer's pieces stand at the row positions `first` to `last`, both included.
    """

    ids: NDArray[np.int32]
    segments: NDArray[np.int32]
    first: int
    last: int


def marked_row(tokenizer: ReaderTokenizer, question: str, span: Span, pieces: Pieces) -> MarkedRow:
    """Return the row of an answer; `pieces` are those of its whole passage."""
    begin = int(np.searchsorted(pieces.ends, span.start, side="right"))
    end = max(begin + 1, int(np.searchsorted(pieces.starts, span.end, side="left")))
    room = max(_AROUND, end - begin)
    first = max(0, min((begin + end - room) // 2, len(pieces) - room))
    inside = pieces.ids[first : first + room]
    asked = tokenizer.question(question)
    head = tokenizer.head(asked, tokenizer.title(span.passage.title))
    ids = np.concatenate([head, inside, np.array([tokenizer.sep], dtype=np.int32)])
    begin, end = len(head) + begin - first, len(head) + end - first
    segments = np.ones(len(ids), dtype=np.int32)
    segments[: len(asked) + 2] = 0
    segments[begin:end] = 0
    return MarkedRow(ids, segments, begin, end - 1)


def read_again(
    questions: Sequence[str], evidence: Sequence[Sequence[Evidence]], rescorer: Rescorer
) -> list[list[float]]:
    """Return the scores of each question's first answers, each by its best span."""
    return rescorer.rescore(
        questions, [[one.spans[0] for one in own[:READ_AGAIN]] for own in evidence]
    )


class MarkedReader:
    """Scores answers with a BERT-type checkpoint of `qa train rescorer`. Safe to share.

    The score is the sum of the logits for a start and an end at the marked answer's first and last
    piece, and of the relevance logit.
    """

    def __init__(self, tokenizer: ReaderTokenizer, session: Session) -> None:
        self._tokenizer = tokenizer
        self._session = session

    def rescore(
        self, questions: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> list[list[float]]:
        """See `Rescorer`."""
        texts = list({span.passage.text: None for own in spans for span in own})
        pieces = dict(zip(texts, self._tokenizer.passages(texts), strict=True))
        rows = [
            marked_row(self._tokenizer, question, span, pieces[span.passage.text])
            for question, own in zip(questions, spans, strict=True)
            for span in own
        ]
        scores = iter(self._scores(rows).tolist())
        return [[next(scores) for _ in own] for own in spans]

    def _scores(self, rows: Sequence[MarkedRow]) -> NDArray[np.float32]:
        scores = np.zeros(len(rows), dtype=np.float32)

        def run(chosen: NDArray[np.int64]) -> NDArray[np.float32]:
            return self._forward([rows[i] for i in chosen])

        for chosen, found in run_batches([len(row.ids) for row in rows], self._session, run):
            scores[chosen] = found
        return scores

    def _forward(self, batch: Sequence[MarkedRow]) -> NDArray[np.float32]:
        ids, mask = pad([row.ids for row in batch], self._tokenizer.pad)
        segments, _ = pad([row.segments for row in batch], 0)
        spans, relevance = self._session.run(ids, segments, mask)
        at = np.arange(len(batch))
        start = spans[at, [row.first for row in batch], 0]
        end = spans[at, [row.last for row in batch], 1]
        total: NDArray[np.float32] = start + end + relevance[:, 0]
        return total
