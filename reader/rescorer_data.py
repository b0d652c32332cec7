"""A rescorer's training data: a reader's best answers to questions, and which of them are right.

A candidates file is JSONL, a line for each question, its answers in the reader's order, best first:
`{"question": ..., "candidates": [{"title": ..., "text": the passage's, "start": ..., "end": ...,
"right": ...}, ...]}`. An answer is `text[start:end]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from encoder.batching import pad
from indexing.documents import Passage
from indexing.errors import InputError
from reader.features import Pieces, ReaderTokenizer
from reader.rescoring import MarkedRow, marked_row
from reader.spans import Span

POOL = 16  # batches that are sorted by length together: enough to leave little padding
_BLOCK = 4096  # passages that are tokenised in one call
_ROUND = 8  # lengths are multiples of this, which suits matrix units and fused attention


class Candidate(TypedDict):
    """An answer in its passage; `start` and `end` are a half-open range of code points."""

    title: str
    text: str
    start: int
    end: int
    right: bool


class AskedQuestion(TypedDict):
    """A line of a candidates file."""

    question: str
    candidates: list[Candidate]


@dataclass(frozen=True, slots=True)
class MarkedQuestion:
    """A question's answers in the reader's order, each marked in a row of its own.

    `right` is bool of shape (rows,).
    """

    text: str
    rows: tuple[MarkedRow, ...]
    right: NDArray[np.bool_]

    @property
    def longest(self) -> int:
        """The length of the longest row, in word pieces."""
        return max(len(row.ids) for row in self.rows)


@dataclass(frozen=True, slots=True)
class ChoiceBatch:
    """The rows of some questions.

    `ids`, `segments` and `mask` are int64 of shape (rows, length). Row r's answer stands at
    `first[r]` to `last[r]`, both included. `places`, int64 of shape (questions, most), names the
    row of each question's answers, -1 where it has fewer; `right` is bool of the same shape.
    """

    ids: NDArray[np.int64]
    segments: NDArray[np.int64]
    mask: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    places: NDArray[np.int64]
    right: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Read:
    question: str
    spans: tuple[Span, ...]
    right: tuple[bool, ...]


def load_candidates(files: Sequence[Path], tokenizer: ReaderTokenizer) -> list[MarkedQuestion]:
    """Read candidates files; a passage that several answers share is tokenised once.

    Only questions with a right and a wrong answer are kept: the others teach nothing.

    Raises:
        InputError: a line is no question with its candidates, with its file and number; or no
            question is left.
    """
    lines = (line for file in files for line in _lines(file))
    every = (_question(place, record) for place, record in lines)
    read = [one for one in every if any(one.right) and not all(one.right)]
    if not read:
        raise InputError(
            f"{', '.join(map(str, files))}: no question has a right answer and a wrong one among "
            "what the reader found; ask more questions, or ones that the index answers."
        )
    pieces = _tokenised(read, tokenizer)
    return [
        MarkedQuestion(
            one.question,
            tuple(
                marked_row(tokenizer, one.question, span, pieces[span.passage.text])
                for span in one.spans
            ),
            np.array(one.right, dtype=np.bool_),
        )
        for one in read
    ]


def split_questions(
    questions: Sequence[MarkedQuestion], share: float, seed: int
) -> tuple[list[MarkedQuestion], list[MarkedQuestion]]:
    """Return the questions to train on and a share held out; one that comes twice is not parted."""
    texts = list(dict.fromkeys(question.text.casefold() for question in questions))
    order = np.random.default_rng(seed).permutation(len(texts))
    held = {texts[i] for i in order[: round(share * len(texts))]}
    return (
        [question for question in questions if question.text.casefold() not in held],
        [question for question in questions if question.text.casefold() in held],
    )


def epoch_batches(
    questions: Sequence[MarkedQuestion], size: int, seed: int, epoch: int
) -> Iterator[list[MarkedQuestion]]:
    """Yield one epoch in batches of `size` questions, shorter ones first within a batch.

    The same seed and epoch always give the same batches. The last one may be smaller.
    """
    generator = np.random.default_rng((seed, epoch))
    order = generator.permutation(len(questions))
    pool = size * POOL
    for begin in range(0, len(order), pool):
        chosen = [questions[i] for i in order[begin : begin + pool]]
        chosen.sort(key=lambda question: question.longest)
        for start in generator.permutation(np.arange(0, len(chosen), size)):
            yield chosen[start : start + size]


def collate(questions: Sequence[MarkedQuestion], padding: int) -> ChoiceBatch:
    """Pad the rows of some questions into one batch; `padding` is the id of `[PAD]`."""
    rows = [row for question in questions for row in question.rows]
    counts = [len(question.rows) for question in questions]
    places = np.full((len(questions), max(counts)), -1, dtype=np.int64)
    right = np.zeros(places.shape, dtype=np.bool_)
    begin = 0
    for number, (question, count) in enumerate(zip(questions, counts, strict=True)):
        places[number, :count] = np.arange(begin, begin + count)
        right[number, :count] = question.right
        begin += count
    ids, mask = pad([row.ids for row in rows], padding)
    segments, _ = pad([row.segments for row in rows], 0)
    wider = ((0, 0), (0, -ids.shape[1] % _ROUND))
    return ChoiceBatch(
        np.pad(ids.astype(np.int64), wider, constant_values=padding),
        np.pad(segments.astype(np.int64), wider),
        np.pad(mask.astype(np.int64), wider),
        np.array([row.first for row in rows], dtype=np.int64),
        np.array([row.last for row in rows], dtype=np.int64),
        places,
        right,
    )


def _lines(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        with file.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    yield f"{file}:{number}", json.loads(line)
                except ValueError as error:
                    raise InputError(
                        f"{file}:{number}: not JSON ({error}); remove the line."
                    ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: not readable as UTF-8 ({error}); give another file.") from error


def _question(place: str, record: Any) -> _Read:
    question = record.get("question") if isinstance(record, Mapping) else None
    if not isinstance(question, str) or not question.strip():
        raise InputError(f"{place}: 'question' is missing or is not a text; add it.")
    candidates = record.get("candidates")
    if not isinstance(candidates, list):
        raise InputError(f"{place}: 'candidates' is missing or is not a list; add it.")
    spans = tuple(_span(place, candidate) for candidate in candidates)
    return _Read(question, spans, tuple(candidate["right"] for candidate in candidates))


def _span(place: str, candidate: Any) -> Span:
    """Return a candidate as a span; nobody asks for its scores."""
    kinds = {"title": str, "text": str, "start": int, "end": int, "right": bool}
    for name, kind in kinds.items():
        # True is an int, too, but no place in a text.
        if not isinstance(candidate, Mapping) or type(candidate.get(name)) is not kind:
            raise InputError(
                f"{place}: a candidate's {name!r} is missing or is no {kind.__name__}; a candidate "
                "has the texts 'title' and 'text', the numbers 'start' and 'end', and 'right', "
                "true or false."
            )
    title, text = candidate["title"], candidate["text"]
    start, end = candidate["start"], candidate["end"]
    if not 0 <= start < end <= len(text):
        raise InputError(
            f"{place}: a candidate from {start} to {end} is no part of its text of {len(text)} "
            "code points; correct 'start' and 'end', or take the candidate out."
        )
    return Span(Passage(0, "", title, text, 0, len(text)), start, end, 0.0, 0.0, 0.0)


def _tokenised(read: Sequence[_Read], tokenizer: ReaderTokenizer) -> dict[str, Pieces]:
    """Return the pieces of each distinct passage."""
    texts = list({span.passage.text: None for one in read for span in one.spans})
    found: dict[str, Pieces] = {}
    for begin in range(0, len(texts), _BLOCK):
        block = texts[begin : begin + _BLOCK]
        found |= zip(block, tokenizer.passages(block), strict=True)
    return found
