"""Training passages found by the project's own retriever: `qa train mine`.

A question with its paragraph keeps it, and gets hard negatives: passages that rank high and hold
none of its answers (Karpukhin et al. 2020, section 3.2). A question-answer pair without a
paragraph gets positives too: the best passages that hold an answer, every occurrence of which
counts as right (distant supervision, Chen et al. 2017, section 4.3; the marginal likelihood over
the occurrences is that of Clark and Gardner 2018, section 3.1).

Questions of a test set, and passages that stand in its paragraphs, can be kept out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from indexing.errors import InputError
from indexing.progress import Progress, SilentProgress
from pipelines.answer_match import text_answers
from pipelines.answer_places import answer_places
from pipelines.gold_answers import answer_texts, given_answers, gold_places, record_title
from pipelines.kept_out import KeptOut
from pipelines.question_records import read_records

if TYPE_CHECKING:
    from retriever.hits import Hit, Retriever

_BATCH = 64
_REMEMBERED = 2**16  # passages of which it is known whether they may train


class MinedPassage(TypedDict):
    """A passage and the half-open ranges of its text where the answer stands; none: a negative."""

    title: str
    text: str
    answers: list[tuple[int, int]]


class MinedQuestion(TypedDict):
    """A line of a mined file: passages with an answer first, best first.

    `answers` are all that the source names, whether or not a passage holds them.
    """

    id: str
    question: str
    answers: list[str]
    passages: list[MinedPassage]


class MiningCounts(TypedDict):
    """What became of the questions."""

    questions: int
    kept: int
    without_positive: int
    positives: int
    negatives: int


@dataclass(frozen=True, slots=True)
class MiningSettings:
    """How many passages are looked at, and how many of each kind are kept for a question.

    Questions of the files `keep_out`, and passages of which a fifth or more stands in their
    contexts, are passed over. With `only_found`, so is a question whose own paragraph is not among
    the passages found: it may be one that could be about anything (Lewis et al. 2021, section 3.4).
    `index`, `retriever` and `encoder` tell what is asked, so that a resumed run asks the same.
    """

    depth: int = 50
    positives: int = 3
    negatives: int = 10
    keep_out: tuple[Path, ...] = ()
    only_found: bool = False
    index: str = ""
    retriever: str | None = None
    encoder: str | None = None


@dataclass(frozen=True, slots=True)
class _MadeOf:
    sources: tuple[str, ...]
    settings: MiningSettings


@dataclass(frozen=True, slots=True)
class _Asked:
    id: str
    question: str
    answers: tuple[str, ...]
    gold: MinedPassage | None
    made_from: str = ""
    """The sentence that a cloze question was made from; empty for any other question."""


def mine_file(
    sources: Sequence[Path | str],
    retriever: Retriever,
    out: Path,
    settings: MiningSettings,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> MiningCounts:
    """Mine passages for all questions and write them as JSONL.

    Questions without a passage that holds an answer are left out and counted. A stopped run goes
    on with `resume`.

    Raises:
        InputError: `out` is there already, a source holds no usable question, or the stopped run
            asked other questions, or had other settings or files.
    """
    from encoder.training.plan import keep_plan, plan_of  # not light

    part, plan = (out.with_name(out.name + end) for end in (".part", ".plan"))
    if out.exists():
        raise InputError(f"{out} is there already; choose another --out")
    if part.exists() and not resume:
        raise InputError(f"{part} holds a stopped run; add --resume, or remove it")
    kept_out = KeptOut(settings.keep_out)
    asked = [one for source in sources for one in _questions(source) if kept_out.asks(one.question)]
    may_read = lru_cache(_REMEMBERED)(kept_out.reads)
    if not asked:
        raise InputError(f"{sources[0]}: this holds no question with an answer that may train.")
    done, size = _done(part, asked)
    made_of = plan_of(_MadeOf(tuple(map(str, sources)), settings))
    keep_plan(plan, made_of, part, begun=part.exists())
    with (
        part.open("ab") as file,
        (progress or SilentProgress()).stage("mining", len(asked), "questions") as advance,
    ):
        file.truncate(size)
        advance(done)
        for start in range(done, len(asked), _BATCH):
            batch = asked[start : start + _BATCH]
            found = retriever.retrieve([one.question for one in batch], settings.depth)
            for one, hits in zip(batch, found, strict=True):
                mined = _mine(one, hits, settings, may_read)
                file.write(json.dumps(mined, ensure_ascii=False).encode() + b"\n")
            file.flush()
            advance(len(batch))
    counts = _publish(part, out)
    plan.unlink()
    return counts


def _questions(source: Path | str) -> Iterator[_Asked]:
    """Yield the questions that have answers, with their paragraph where the source gives one."""
    for number, (place, record) in enumerate(read_records(source)):
        question, given = record.get("question"), given_answers(record)
        if not isinstance(question, str) or not question.strip():
            raise InputError(f"{place}: 'question' is missing or is not a text.")
        answers = answer_texts(given)
        if not answers:
            continue
        context = record.get("context")
        gold = None
        if isinstance(context, str):
            places = gold_places(given, context)
            gold = MinedPassage(title=record_title(record), text=context, answers=places)
        id_ = f"{Path(str(source)).name}:{record.get('id', number)}"
        made_from = str(record.get("made_from") or "")
        yield _Asked(id_, question.strip(), answers, gold, made_from)


def _mine(
    asked: _Asked, hits: Sequence[Hit], settings: MiningSettings, may_read: Callable[[str], bool]
) -> MinedQuestion:
    key = text_answers(asked.answers)
    own = asked.gold
    if own and settings.only_found and all(hit.passage.text != own["text"] for hit in hits):
        return MinedQuestion(
            id=asked.id, question=asked.question, answers=list(asked.answers), passages=[]
        )
    positives: list[MinedPassage] = [own] if own else []
    negatives: list[MinedPassage] = []
    for passage in (hit.passage for hit in hits):
        if asked.made_from and asked.made_from in passage.text:
            continue  # it would be enough to match words
        right = key.found_in(passage.text)
        # Beside a paragraph of the question's own, a passage that merely holds the answer's
        # words may answer something else: it is neither right nor wrong.
        if right:
            full = own is not None or len(positives) >= settings.positives
        else:
            full = len(negatives) >= settings.negatives
        if full or not may_read(passage.text):
            continue
        places = answer_places(asked.answers, passage.text) if right else []
        mined = MinedPassage(title=passage.title, text=passage.text, answers=places)
        (positives if right else negatives).append(mined)
    return MinedQuestion(
        id=asked.id,
        question=asked.question,
        answers=list(asked.answers),
        passages=positives + negatives,
    )


def _done(part: Path, asked: Sequence[_Asked]) -> tuple[int, int]:
    """Return how many whole lines a stopped run left, and their size in bytes."""
    if not part.exists():
        return 0, 0
    lines = size = 0
    with part.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break  # cut short where the run was stopped
            if lines == len(asked) or not _answers_to(json.loads(line), asked[lines]):
                raise InputError(
                    f"{part}:{lines + 1}: the stopped run asked something else here than its "
                    "sources hold now; put them back, or remove this file"
                )
            lines, size = lines + 1, size + len(line)
    return lines, size


def _answers_to(mined: MinedQuestion, asked: _Asked) -> bool:
    then = mined["id"], mined["question"], mined["answers"]
    return then == (asked.id, asked.question, list(asked.answers))


def _publish(part: Path, out: Path) -> MiningCounts:
    """Leave out questions without a positive, count, and give the file its name."""
    counts = MiningCounts(questions=0, kept=0, without_positive=0, positives=0, negatives=0)
    kept = out.with_name(out.name + ".kept")
    with part.open("rb") as lines, kept.open("wb") as file:
        for line in lines:
            answers = [bool(passage["answers"]) for passage in json.loads(line)["passages"]]
            counts["questions"] += 1
            if not any(answers):
                counts["without_positive"] += 1
                continue
            counts["kept"] += 1
            counts["positives"] += sum(answers)
            counts["negatives"] += len(answers) - sum(answers)
            file.write(line)
    os.replace(kept, out)
    part.unlink()
    return counts
