"""Questions without labels: a sentence of the corpus with a name or a number taken out.

Span selection pretraining (Glass et al. 2020, section 3): what was taken out is the answer, and
`qa train mine` finds other passages that hold it, and some that do not. A question word stands in
for the answer, and words far from it are left out, so that it is as long as a question of a user's
(Lewis et al. 2019, section 2.3, compare such ways of asking).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import numpy as np

from indexing.documents import Passage
from indexing.errors import InputError
from indexing.files import publish
from indexing.index import Index
from indexing.progress import Progress, SilentProgress
from indexing.sentences import sentences
from indexing.words import STOP_WORDS
from pipelines.answer_match import joined, tokens
from pipelines.kept_out import KeptOut

_NAME = r"[A-Z](?:['\u2019](?=[A-Z]))?[\w-]+"
_ANSWER = re.compile(
    rf"\b(?:\d[\d,.]*\d|\d+|{_NAME}(?:\s+(?:(?:of|the|de|van|von)\s+){{0,2}}(?:{_NAME}|\d+))*)\b"
)
_YEAR = re.compile(r"1\d{3}|20\d\d")
_WORD = re.compile(r"\S+")
_SENTENCE = range(8, 60)  # words
_LONGEST = 6  # words of an answer
_AROUND = (3, 12)  # words on each side of the answer


class ClozeQuestion(TypedDict):
    """A line of the file; mining passes over passages that hold the sentence it was made from."""

    id: str
    question: str
    answer: list[str]
    made_from: str


def write_cloze_questions(
    index: Index,
    out: Path,
    count: int,
    *,
    seed: int = 13,
    keep_out: tuple[Path, ...] = (),
    progress: Progress | None = None,
) -> int:
    """Write up to `count` questions as JSONL, one a passage, and return how many there are.

    Passages are drawn without repetition; those that stand in `keep_out` are passed over.

    Raises:
        InputError: `out` is there already, or no passage gives a question.
    """
    if out.exists():
        raise InputError(f"{out} is there already; choose another --out")
    may_read = KeptOut(keep_out).reads
    generator = np.random.default_rng(seed)
    removed = index.removed_passages()
    part = out.with_name(out.name + ".part")
    written = 0
    with (
        part.open("wb") as file,
        (progress or SilentProgress()).stage("asking", count, "questions") as advance,
    ):
        for number in generator.permutation(len(index.passages)).tolist():
            if written == count:
                break
            if removed[number]:
                continue
            question = cloze_question(index.passages[number], generator, may_read)
            if question is not None:
                file.write(json.dumps(question, ensure_ascii=False).encode() + b"\n")
                written += 1
                advance(1)
    if not written:
        part.unlink()
        raise InputError("No sentence of the corpus holds a name or a number to ask for.")
    publish(part, out)
    return written


def cloze_question(
    passage: Passage, generator: np.random.Generator, may_read: Callable[[str], bool]
) -> ClozeQuestion | None:
    """Ask for a name or a number of a passage; None if it has none that can be asked for.

    What the title says is not asked for: it is what the question is about.
    """
    text, about = passage.text, joined(tokens(passage.title))
    found = []
    for start, end in sentences(text):
        if len(text[start:end].split()) in _SENTENCE:
            found += [(start, end, *span) for span in _answers(text, start, end, about)]
    if not found or not may_read(text):
        return None
    start, end, first, last = found[int(generator.integers(len(found)))]
    left, right = (int(n) for n in generator.integers(*_AROUND, size=2, endpoint=True))
    before = _WORD.findall(text[start:first])[-left:]
    after = _WORD.findall(text[last:end])[:right]
    asked = [*before, _question_word(text[first:last], generator), *after]
    if about not in joined(tokens(" ".join(asked))):
        asked = [passage.title, *asked]
    return ClozeQuestion(
        id=f"{passage.document_id}:{first}",
        question=" ".join(word for word in asked if word).strip(" .;,"),
        answer=[text[first:last]],
        made_from=text[start:end],
    )


def _answers(text: str, start: int, end: int, about: str) -> list[tuple[int, int]]:
    """Return where a sentence names something; its first word's capital says nothing."""
    found = []
    for match in _ANSWER.finditer(text, start, end):
        words = tokens(match[0])
        plain = all(word in STOP_WORDS or len(word) < 2 for word in words)
        opens = match.start() == start and len(words) == 1
        if opens or plain or len(words) > _LONGEST:
            continue
        if joined(words) not in about:
            found.append(match.span())
    return found


def _question_word(answer: str, generator: np.random.Generator) -> str:
    if _YEAR.fullmatch(answer):
        return "what year"
    if answer[0].isdigit():
        return "how many"
    return "who" if generator.random() < 0.4 else "what"
