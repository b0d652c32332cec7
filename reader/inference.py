"""Reading: all passages of all questions in one call, in batches of similar length."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from encoder.batching import pad, run_batches
from encoder.session import Session
from indexing.documents import Passage
from reader.decoding import best_spans, log_softmax, merge_windows
from reader.features import Pieces, ReaderTokenizer, Window
from reader.markup import whole
from reader.spans import Span


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """How passages are read; lengths in word pieces.

    `spans` best spans are kept for each question.
    """

    max_length: int = 384
    stride: int = 128
    max_answer: int = 30
    spans: int = 20
    titles: bool = True

    def within(self, positions: int) -> ReadSettings:
        """Return the settings for a model of so many positions: shorter rows overlap by less."""
        if positions >= self.max_length:
            return self
        stride = self.stride * positions // self.max_length
        return replace(self, max_length=positions, stride=stride)


@dataclass(frozen=True, slots=True)
class _Row:
    question: int
    passage: int
    window: Window


@dataclass(frozen=True, slots=True)
class _Read:
    """One passage after the model: start and end logits (pieces, 2) and its relevance logit."""

    logits: NDArray[np.float32]
    relevance: float


class SpanReader:
    """Scores spans with a BERT-type checkpoint; see `reader.spans.Reader`. Safe to share."""

    def __init__(
        self, tokenizer: ReaderTokenizer, session: Session, settings: ReadSettings | None = None
    ) -> None:
        self._tokenizer = tokenizer
        self._session = session
        self._settings = settings or ReadSettings()

    def read(
        self, questions: Sequence[str], passages: Sequence[Sequence[Passage]]
    ) -> list[list[Span]]:
        """Return each question's best spans over its passages, best first.

        Spans of one passage do not overlap. A passage without text yields none.
        """
        deepest = max(map(len, passages), default=0)
        return [found[deepest] for found in self.read_at_depths(questions, passages, [deepest])]

    def read_at_depths(
        self,
        questions: Sequence[str],
        passages: Sequence[Sequence[Passage]],
        depths: Sequence[int],
    ) -> list[dict[int, list[Span]]]:
        """Return what `read` would find in the first `depth` passages, for each question and depth.

        The model scores each passage once: only the normalisation over passages and the choice of
        spans depend on how many there are.
        """
        pieces = self._tokenize(passages)
        rows = self._rows(questions, passages, pieces)
        reads = self._run(rows)
        return [
            {
                depth: self._decode(own[:depth], [pieces[p.text] for p in own], reads, number)
                for depth in depths
            }
            for number, own in enumerate(passages)
        ]

    def score(
        self, questions: Sequence[str], passages: Sequence[Sequence[Passage]]
    ) -> list[list[float]]:
        """Return each passage's relevance logit: that it holds an answer to its question.

        Of a passage's windows the greatest counts. A passage without text gets -inf.
        """
        pieces = self._tokenize(passages)
        reads = self._run(self._rows(questions, passages, pieces))
        return [
            [
                reads[number, place].relevance if (number, place) in reads else -np.inf
                for place in range(len(own))
            ]
            for number, own in enumerate(passages)
        ]

    def _tokenize(self, passages: Sequence[Sequence[Passage]]) -> dict[str, Pieces]:
        """Tokenise each distinct text once: questions of a batch share passages."""
        texts = list({passage.text: None for own in passages for passage in own})
        return dict(zip(texts, self._tokenizer.passages(texts), strict=True))

    def _rows(
        self,
        questions: Sequence[str],
        passages: Sequence[Sequence[Passage]],
        pieces: dict[str, Pieces],
    ) -> list[_Row]:
        rows = []
        for q, (question, own) in enumerate(zip(questions, passages, strict=True)):
            asked = self._tokenizer.question(question)
            for p, passage in enumerate(own):
                title = self._tokenizer.title(passage.title if self._settings.titles else "")
                for window in self._tokenizer.windows(
                    asked,
                    title,
                    pieces[passage.text],
                    self._settings.max_length,
                    self._settings.stride,
                ):
                    rows.append(_Row(q, p, window))
        return rows

    def _run(self, rows: list[_Row]) -> dict[tuple[int, int], _Read]:
        """Return what the model says of each (question, passage)."""
        windows: dict[tuple[int, int], list[tuple[int, NDArray[np.float32]]]] = {}
        relevance: dict[tuple[int, int], float] = {}
        lengths = [len(row.window.ids) for row in rows]

        def run(chosen: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            return self._forward([rows[i] for i in chosen])

        for chosen, outputs in run_batches(lengths, self._session, run):
            batch = [rows[i] for i in chosen]
            for row, logits, relevant in zip(batch, *outputs, strict=True):
                key, window = (row.question, row.passage), row.window
                inside = logits[window.offset : window.offset + window.size]
                windows.setdefault(key, []).append((window.first, inside))
                relevance[key] = max(relevance.get(key, -np.inf), float(relevant))
        reads = {}
        for key, own in windows.items():
            own.sort(key=lambda pair: pair[0])
            size = own[-1][0] + len(own[-1][1])
            reads[key] = _Read(merge_windows(own, size), relevance[key])
        return reads

    def _forward(self, batch: list[_Row]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        ids, mask = pad([row.window.ids for row in batch], self._tokenizer.pad)
        starts = np.array([row.window.segment for row in batch])[:, None]
        segments = ((np.arange(ids.shape[1])[None, :] >= starts) & (mask > 0)).astype(np.int32)
        outputs = self._session.run(ids, segments, mask)
        if len(outputs) > 1:
            return outputs[0], outputs[1][:, 0]
        return outputs[0], _margin_over_null(outputs[0], segments)

    def _decode(
        self,
        passages: Sequence[Passage],
        pieces: list[Pieces],
        reads: dict[tuple[int, int], _Read],
        question: int,
    ) -> list[Span]:
        numbers = [p for p in range(len(passages)) if (question, p) in reads]
        if not numbers:
            return []
        logits = np.concatenate([reads[question, p].logits for p in numbers])
        start, end = log_softmax(logits[:, 0]), log_softmax(logits[:, 1])
        owners = np.repeat(numbers, [len(pieces[p]) for p in numbers]).astype(np.int64)
        own_blocks = np.concatenate([pieces[p].blocks for p in numbers])
        blocks = owners * (int(own_blocks.max(initial=0)) + 1) + own_blocks
        begins = np.concatenate([self._word_starts(pieces[p]) for p in numbers])
        may_end = np.append(begins[1:] | (owners[1:] != owners[:-1]), True)
        found = best_spans(
            start, end, blocks, begins, may_end, self._settings.max_answer, self._settings.spans
        )
        starts = np.concatenate([pieces[p].starts for p in numbers])
        ends = np.concatenate([pieces[p].ends for p in numbers])
        spans = []
        taken: dict[int, list[tuple[int, int]]] = {number: [] for number in numbers}
        for i, (first, last) in enumerate(zip(found.starts, found.ends, strict=True)):
            number = int(owners[first])
            text = passages[number].text
            stop = _after_marks(text, int(ends[last]))
            place = _free_place(text, int(starts[first]), stop, taken[number])
            if place is None:
                continue
            taken[number].append(place)
            spans.append(
                Span(
                    passages[number],
                    *place,
                    float(found.start_logprobs[i]),
                    float(found.end_logprobs[i]),
                    _log_sigmoid(reads[question, number].relevance),
                )
            )
        return spans

    def _word_starts(self, pieces: Pieces) -> NDArray[np.bool_]:
        """Tell which pieces begin a word, so that no answer is cut inside one."""
        begins = ~(self._tokenizer.continuations[pieces.ids] | pieces.inside)
        if len(begins):
            begins[0] = True
        return begins


def _free_place(
    text: str, begin: int, stop: int, taken: list[tuple[int, int]]
) -> tuple[int, int] | None:
    """Return a span's range with the halves of marks next to it, if better spans leave room.

    Without them, where one of those holds them; None, where it reaches into the span itself.
    """
    for first, last in (whole(text, begin, stop), (begin, stop)):
        if all(last <= start or end <= first for start, end in taken):
            return first, last
    return None


def _after_marks(text: str, end: int) -> int:
    """Move an end behind combining marks, which tokenizers that lowercase leave out."""
    while end < len(text) and unicodedata.category(text[end]).startswith("M"):
        end += 1
    return end


def _margin_over_null(
    logits: NDArray[np.float32], segments: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Return how far each row's best start and end stand above the null answer at [CLS].

    This stands in for the relevance logit where a checkpoint has no relevance head (the score
    difference of Devlin et al. 2019, section 4.3).
    """
    inside = np.where(segments[..., None] > 0, logits, -np.inf)
    margin: NDArray[np.float32] = (inside.max(axis=1) - logits[:, 0]).sum(axis=-1)
    return margin


def _log_sigmoid(value: float) -> float:
    return float(-np.logaddexp(0.0, -value))
