"""Questions written about an index's own passages, to train without labels: `qa train questions`.

A question writer samples an answer and its question, and a reader must find the same answer, or
the question is left out (round-trip consistency, Alberti et al. 2019, section 3). The lines are
those of a SQuAD data set: `qa train mine` finds them hard negatives, as for people's questions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TypedDict

import numpy as np

from encoder.training.plan import Plan, plan_of, require_same
from indexing.documents import Passage
from indexing.errors import InputError
from indexing.files import publish, write_atomically
from indexing.index import Index
from indexing.progress import Progress, SilentProgress
from pipelines.answer_match import joined, tokens
from pipelines.kept_out import KeptOut
from reader.asking.writer import QuestionWriter, Written
from reader.normalising import normalise_answer
from reader.spans import Reader

_BATCH = 64
_FEWEST = 4  # words of a question
_SAVED_EVERY = 4  # batches after which a stopped run can go on


class Answers(TypedDict):
    """An answer and where it stands in the context, in code points."""

    text: list[str]
    answer_start: list[int]


class WrittenQuestion(TypedDict):
    """A line of the file."""

    id: str
    title: str
    context: str
    question: str
    answers: Answers


@dataclass(frozen=True, slots=True)
class WritingSettings:
    """How many questions are asked, and how: each passage is asked about once in each style.

    `index`, `writer` and `reader` tell what asks of what, so that a resumed run does the same.
    """

    questions: int = 100_000
    styles: tuple[int, ...] = (0,)
    seed: int = 13
    batch: int = _BATCH
    keep_out: tuple[Path, ...] = ()
    index: str = ""
    writer: str = ""
    reader: str = ""


@dataclass(frozen=True, slots=True)
class WritingCounts:
    """What became of the passages: how many were asked about, and how many questions are kept."""

    asked: int
    kept: int


def write_questions(
    index: Index,
    writer: QuestionWriter,
    reader: Reader | None,
    out: Path,
    settings: WritingSettings,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> WritingCounts:
    """Write up to `settings.questions` questions as JSONL, about passages drawn at random.

    A stopped run goes on with `resume`, to the same questions as one that was not.

    Raises:
        InputError: `out` is there already, a stopped run had other settings or files, or nothing
            that was written can be used.
    """
    part, place = (out.with_name(out.name + end) for end in (".part", ".place"))
    if out.exists():
        raise InputError(f"{out} is there already; choose another --out")
    if place.exists() and not resume:
        raise InputError(f"{part} holds a stopped run; add --resume, or remove it and {place.name}")
    plan = plan_of(settings)
    del plan["questions"]  # a run may go on to more of them
    done = _read_place(place, plan)
    with (
        part.open("ab") as file,
        (progress or SilentProgress()).stage("asking", settings.questions, "questions") as advance,
    ):
        file.truncate(done.size)
        advance(done.kept)
        for number, passages in enumerate(islice(_drawn(index, settings), done.batches, None)):
            if done.kept >= settings.questions:
                break
            seed = settings.seed * 10**6 + done.batches
            found = [
                one
                for style in settings.styles
                for one in ask_about(passages, writer, reader, style, seed)
            ][: settings.questions - done.kept]
            file.write("".join(json.dumps(q, ensure_ascii=False) + "\n" for q in found).encode())
            file.flush()
            done = _Place(
                done.batches + 1, done.asked + len(passages), done.kept + len(found), file.tell()
            )
            if number % _SAVED_EVERY == 0:
                kept = {"plan": plan, "place": asdict(done)}
                write_atomically(place, json.dumps(kept).encode())
            advance(len(found))
    place.unlink(missing_ok=True)
    if not done.kept:
        part.unlink()
        raise InputError("Nothing that was written is a question with an answer in its passage.")
    publish(part, out)
    return WritingCounts(done.asked, done.kept)


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a run has come: batches asked about, passages, questions, and bytes of the file."""

    batches: int = 0
    asked: int = 0
    kept: int = 0
    size: int = 0


def _read_place(file: Path, plan: Plan) -> _Place:
    if not file.exists():
        return _Place()
    kept = json.loads(file.read_bytes())
    require_same(kept.get("plan"), plan, file)
    return _Place(**kept["place"])


def ask_about(
    passages: Sequence[Passage],
    writer: QuestionWriter,
    reader: Reader | None,
    style: int,
    seed: int,
) -> list[WrittenQuestion]:
    """Ask about each passage; return the questions that are usable and that the reader answers."""
    pairs = [
        (passage, one)
        for passage, one in zip(passages, writer.write(passages, style, seed), strict=True)
        if one is not None and usable(one, passage)
    ]
    if reader is not None:
        read = reader.read([one.question for _, one in pairs], [[passage] for passage, _ in pairs])
        pairs = [
            (passage, one)
            for (passage, one), spans in zip(pairs, read, strict=True)
            if spans and _same(spans[0].text, passage.text[one.start : one.end])
        ]
    return [
        WrittenQuestion(
            id=f"{passage.id}:{one.start}:{style}",
            title=passage.title,
            context=passage.text,
            question=one.question,
            answers=Answers(text=[passage.text[one.start : one.end]], answer_start=[one.start]),
        )
        for passage, one in pairs
    ]


def usable(one: Written, passage: Passage) -> bool:
    """Tell whether a question has some words, and does not say its own answer."""
    answer = joined(tokens(passage.text[one.start : one.end]))
    long_enough = len(one.question.split()) >= _FEWEST
    return long_enough and bool(answer) and answer not in joined(tokens(one.question))


def _same(found: str, wanted: str) -> bool:
    return normalise_answer(found) == normalise_answer(wanted)


def _drawn(index: Index, settings: WritingSettings) -> Iterator[list[Passage]]:
    """Yield batches of passages in random order, without those removed or kept out."""
    may_read = KeptOut(settings.keep_out).reads
    removed = index.removed_passages()
    batch: list[Passage] = []
    for number in np.random.default_rng(settings.seed).permutation(len(index.passages)).tolist():
        if removed[number]:
            continue
        passage = index.passages[number]
        if may_read(passage.text):
            batch.append(passage)
        if len(batch) == settings.batch:
            yield batch
            batch = []
    if batch:
        yield batch
