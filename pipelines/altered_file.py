"""`qa train alter`: a SQuAD 2.0-type file out of any SQuAD-type ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexing.errors import InputError
from pipelines.questions import ReadingExample, load_reading


@dataclass(frozen=True, slots=True)
class AlteredCounts:
    """How many questions were written, and how many of them have no answer any more.

    `left_out` are those of which no answer stands in their context word for word.
    """

    questions: int
    altered: int
    left_out: int


def write_altered(
    files: Sequence[Path], out: Path, share: float, limit: int | None, seed: int
) -> AlteredCounts:
    """Write the questions of files that have answers, a share of them altered.

    The file is to measure and calibrate by: answers are put where they first stand.

    Args:
        files: SQuAD-type JSON files.
        out: the JSON file to write.
        share: of the questions, 0 to 1, to alter where they can be.
        limit: how many to take, at random; None for all.
        seed: of what is taken, altered, and how.

    Raises:
        InputError: `out` is there already, or no question has an answer in its context.
    """
    from reader.altering import altered_question

    if out.exists():
        raise InputError(f"{out} is there already; choose another --out")
    answered = [e for file in files for e in load_reading(file).examples if any(e.answers)]
    examples = [example for example in answered if _placed(example)]
    if not examples:
        raise InputError(
            f"{files[0]}: no question has an answer that stands in its context, so there is none "
            "to alter"
        )
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(examples))[:limit]
    paragraphs: dict[str, list[dict[str, Any]]] = {}
    altered = 0
    for example in (examples[i] for i in order):
        new = None
        if generator.random() < share:
            new = altered_question(example.question, example.context, example.answers, generator)
        altered += new is not None
        paragraphs.setdefault(example.context, []).append(_record(example, new))
    articles = [
        {"title": "", "paragraphs": [{"context": context, "qas": qas}]}
        for context, qas in paragraphs.items()
    ]
    text = json.dumps({"version": "v2.0", "data": articles}, ensure_ascii=False)
    out.write_text(text, encoding="utf-8")
    return AlteredCounts(len(order), altered, len(answered) - len(examples))


def _record(example: ReadingExample, altered: str | None) -> dict[str, Any]:
    if altered is not None:
        return {"id": example.id, "question": altered, "answers": [], "is_impossible": True}
    return {
        "id": example.id,
        "question": example.question,
        "answers": _placed(example),
        "is_impossible": False,
    }


def _placed(example: ReadingExample) -> list[dict[str, Any]]:
    """Return the answers that stand in the context, each where it first does."""
    places = [(text, example.context.find(text)) for text in example.answers if text.strip()]
    return [{"text": text, "answer_start": start} for text, start in places if start >= 0]
