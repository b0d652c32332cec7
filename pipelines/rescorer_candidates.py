"""Candidates to train a rescorer on: what a reader answers to questions, and what of it is right.

An answer is right if it is an exact match with one that the question's source names. Questions of
a test set, and passages that stand in its paragraphs, can be kept out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from encoder.training.state import open_run
from indexing.errors import InputError
from indexing.progress import Progress
from pipelines.kept_out import KeptOut
from pipelines.metrics import exact_match
from pipelines.questions import Question, load_questions
from reader.ranking import gather_evidence
from reader.rescorer_data import AskedQuestion, Candidate
from reader.rescoring import READ_AGAIN

if TYPE_CHECKING:
    from reader.load import LoadedReader
    from reader.spans import Span
    from retriever.hits import Retriever

CANDIDATES = "candidates.jsonl"
_DONE = "candidates.json"
_BLOCK = 64  # questions
_LOOKED_AT = READ_AGAIN + 1  # answers of a question
_REMEMBERED = 2**16  # passages of which it is known whether they may train


@dataclass(frozen=True, slots=True)
class CandidateSettings:
    """What is asked of what; stored beside the candidates, so that a resumed run is the same.

    `retriever` and `encoder` are those of the index where they are None. Questions of the files
    `keep_out`, and passages of which a fifth or more stands in their contexts, are passed over.
    """

    sources: tuple[str, ...]
    index: str
    reader: str
    retriever: str | None = None
    encoder: str | None = None
    top_k: int = 7
    keep_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CandidateCounts:
    """What became of the questions: only those with a right and a wrong answer are written."""

    asked: int = 0
    written: int = 0
    without_right: int = 0

    def __add__(self, other: CandidateCounts) -> CandidateCounts:
        return CandidateCounts(
            self.asked + other.asked,
            self.written + other.written,
            self.without_right + other.without_right,
        )


@dataclass(frozen=True, slots=True)
class _Done:
    """How far a run has come: questions asked and written, and the file's whole bytes."""

    counts: CandidateCounts
    size: int


def write_candidates(
    settings: CandidateSettings,
    retriever: Retriever,
    loaded: LoadedReader,
    out: Path,
    *,
    resume: bool,
    progress: Progress,
) -> CandidateCounts:
    """Ask all questions and write the answers to `out`/candidates.jsonl.

    Args:
        settings: what `retriever` and `loaded` were opened by, and the questions.
        retriever: finds the passages of the index.
        loaded: the reader, whose calibration ranks its answers.
        out: the run's folder.
        resume: whether to go on with a stopped run; no line is lost or doubled.
        progress: is told of reading.

    Raises:
        InputError: `out` holds another run, or one that was not to be resumed; or a source holds
            no usable question.
    """
    kept_out = KeptOut([Path(file) for file in settings.keep_out])
    found = (question for source in settings.sources for question in load_questions(source))
    asked = [question for question in found if kept_out.asks(question.text)]
    if not asked:
        raise InputError(f"{settings.sources[0]}: this holds no question that may train; give more")
    may_read = lru_cache(_REMEMBERED)(kept_out.reads)
    open_run(out, settings, resume=resume).begin()
    done = _done(out)
    counts, size = done.counts, done.size
    with (
        (out / CANDIDATES).open("ab") as file,
        progress.stage("Reading", len(asked), "questions") as advance,
    ):
        file.truncate(size)
        advance(counts.asked)
        for begin in range(counts.asked, len(asked), _BLOCK):
            block = asked[begin : begin + _BLOCK]
            for line in _ask(block, retriever, loaded, settings.top_k, may_read):
                right = [one["right"] for one in line["candidates"]]
                counts += CandidateCounts(1, any(right) and not all(right), not any(right))
                if any(right) and not all(right):
                    size += file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            file.flush()
            _save(out, _Done(counts, size))
            advance(len(block))
    return counts


def _ask(
    questions: Sequence[Question],
    retriever: Retriever,
    loaded: LoadedReader,
    top_k: int,
    may_read: Callable[[str], bool],
) -> list[AskedQuestion]:
    """Retrieve and read; passages that may not train are not read."""
    texts = [question.text for question in questions]
    passages = [
        [hit.passage for hit in hits if may_read(hit.passage.text)]
        for hits in retriever.retrieve(texts, top_k)
    ]
    lines = []
    for question, own, spans in zip(
        questions, passages, loaded.reader.read(texts, passages), strict=True
    ):
        evidence = gather_evidence(question.text, own, spans, loaded.calibration.ranking)
        candidates = [_candidate(one.spans[0], question) for one in islice(evidence, _LOOKED_AT)]
        lines.append(AskedQuestion(question=question.text, candidates=_chosen(candidates)))
    return lines


def _candidate(span: Span, question: Question) -> Candidate:
    return Candidate(
        title=span.passage.title,
        text=span.passage.text,
        start=span.start,
        end=span.end,
        right=any(exact_match(span.text, answer) for answer in question.answers),
    )


def _chosen(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return as many as are read again: the first ones, and a right one beyond if none is right."""
    first, beyond = candidates[:READ_AGAIN], candidates[READ_AGAIN:]
    late = [one for one in beyond if one["right"]]
    if late and not any(one["right"] for one in first):
        return [*first[:-1], late[0]]
    return list(first)


def _done(out: Path) -> _Done:
    """Return how far a stopped run came: its last whole block."""
    file = out / _DONE
    if not file.exists():
        return _Done(CandidateCounts(), 0)
    found = json.loads(file.read_text())
    return _Done(CandidateCounts(**found["counts"]), found["size"])


def _save(out: Path, done: _Done) -> None:
    """Save how far the run is; the file is there whole or not at all, whenever it is stopped."""
    part = out / (_DONE + ".part")
    part.write_text(json.dumps(asdict(done)))
    os.replace(part, out / _DONE)
