"""Training examples: SQuAD-type files to token positions, with hard negatives and crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InputError
from indexing.json_files import (
    Record,
    decoded_lines,
    json_document,
    record_text,
    squad_paragraphs,
)
from indexing.ranked_texts import rank_texts
from reader.features import Pieces, ReaderTokenizer

Placed = tuple[int, tuple[tuple[int, int], ...]]
"""The number of a context, and the inclusive piece ranges of the answers in it."""


@dataclass(frozen=True, slots=True)
class Context:
    """A paragraph to read, tokenised once; `text` is as in the file.

    `document` tells documents apart: a title, else the article's place; empty if not known.
    """

    title: str
    text: str
    pieces: Pieces
    document: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A question with its gold paragraph and answers as inclusive piece ranges in it.

    An impossible question has no ranges. `context` and `negatives` index the list of contexts.
    `positives` are all paragraphs with an answer, where a question was mined and may have more.
    """

    id: str
    question: str
    context: int
    answers: tuple[str, ...]
    ranges: tuple[tuple[int, int], ...]
    negatives: tuple[int, ...] = ()
    positives: tuple[Placed, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Examples over shared contexts."""

    contexts: list[Context]
    examples: list[Example]


@dataclass(frozen=True, slots=True)
class Row:
    """One passage of a question, ready for the model: pieces of it and gold ranges in them."""

    title: str
    ids: NDArray[np.int32]
    ranges: tuple[tuple[int, int], ...]


def load_squad(files: Sequence[Path], tokenizer: ReaderTokenizer) -> TrainingSet:
    """Read SQuAD-type files; answers whose text is not at their offset are an error.

    Raises:
        InputError: a file is not SQuAD JSON, or an answer does not stand at its offset.
    """
    raw_contexts: list[tuple[str, str, str]] = []
    raw_examples: list[tuple[str, str, int, list[tuple[str, int]]]] = []
    for file in files:
        for paragraph in squad_paragraphs(file, json_document(file, "".join(decoded_lines(file)))):
            number = len(raw_contexts)
            context = record_text({"context": paragraph.context}, "context", paragraph.place)
            title = usable_title(paragraph.title)
            raw_contexts.append((title, context, title or f"{file.name}#{paragraph.article}"))
            for place, qa in paragraph.questions:
                question = record_text(qa, "question", place).strip()
                answers = _answers(qa, context, place)
                raw_examples.append((str(qa.get("id", place)), question, number, answers))
    pieces = tokenizer.passages([text for _, text, _ in raw_contexts])
    contexts = [
        Context(title, text, own, document)
        for (title, text, document), own in zip(raw_contexts, pieces, strict=True)
    ]
    examples = []
    for id_, question, number, answers in raw_examples:
        ranges = {piece_range(pieces[number], start, start + len(text)) for text, start in answers}
        texts = tuple(dict.fromkeys(text for text, _ in answers))
        examples.append(Example(id_, question, number, texts, tuple(sorted(ranges))))
    return TrainingSet(contexts, examples)


def usable_title(title: Any) -> str:
    """Turn a data set's title into words; a data set's own name says nothing of the article."""
    if not isinstance(title, str) or title == "TyDiQA":
        return ""
    return title.replace("_", " ").strip()


def _answers(qa: Record, context: str, place: str) -> list[tuple[str, int]]:
    """Return the answers of a question with their offsets, at which they must stand."""
    named = f"{place}: question {qa.get('id')}"
    try:
        answers = [(str(one["text"]), int(one["answer_start"])) for one in qa["answers"]]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{named}: 'answers' must be a list of 'text' and 'answer_start', empty if nothing "
            f"answers it ({error!r})."
        ) from error
    for text, start in answers:
        if not text or start < 0 or context[start : start + len(text)] != text:
            raise InputError(f"{named}: {text!r} does not stand at offset {start}")
    return answers


def piece_range(pieces: Pieces, start: int, end: int) -> tuple[int, int]:
    """Return the inclusive range of pieces that covers the characters `[start, end)`.

    Characters without pieces, such as markup, get the piece that follows.
    """
    first = int(np.searchsorted(pieces.ends, start, side="right"))
    last = int(np.searchsorted(pieces.starts, end, side="left")) - 1
    first = min(first, len(pieces) - 1)
    return first, max(first, last)


def joined(first: TrainingSet, second: TrainingSet) -> TrainingSet:
    """Return the examples of both sets over the contexts of both."""
    shift = len(first.contexts)
    moved = [
        replace(
            example,
            context=example.context + shift,
            negatives=tuple(number + shift for number in example.negatives),
            positives=tuple((number + shift, ranges) for number, ranges in example.positives),
        )
        for example in second.examples
    ]
    return TrainingSet(first.contexts + second.contexts, first.examples + moved)


def split_by_context(data: TrainingSet, share: float, seed: int) -> tuple[TrainingSet, TrainingSet]:
    """Hold out a share of the contexts, with all their questions, for development."""
    generator = np.random.default_rng(seed)
    held = generator.random(len(data.contexts)) < share
    return (
        TrainingSet(data.contexts, [e for e in data.examples if not held[e.context]]),
        TrainingSet(data.contexts, [e for e in data.examples if held[e.context]]),
    )


def mine_negatives(data: TrainingSet, per_question: int, depth: int = 12) -> TrainingSet:
    """Give each question the paragraphs that BM25 ranks high and that hold none of its answers."""
    texts = [f"{context.title} {context.text}" for context in data.contexts]
    found = rank_texts(texts, [example.question for example in data.examples], depth)
    lowered = [text.lower() for text in texts]
    examples = []
    for example, numbers in zip(data.examples, found, strict=True):
        answers = [answer.lower() for answer in example.answers]
        negatives = [
            int(n)
            for n in numbers
            if n != example.context and not any(answer in lowered[n] for answer in answers)
        ]
        examples.append(replace(example, negatives=tuple(negatives[:per_question])))
    return TrainingSet(data.contexts, examples)


def crop(
    context: Context, ranges: tuple[tuple[int, int], ...], size: int, generator: np.random.Generator
) -> Row:
    """Cut `size` pieces out of a paragraph at random, around one of its answers if it has any.

    Training on windows of changing length and place makes training look like asking, where
    passages begin and end in the middle of things.
    """
    count = len(context.pieces)
    if count <= size:
        return Row(context.title, context.pieces.ids, ranges)
    low, high = 0, count - size
    if ranges:
        first, last = ranges[int(generator.integers(len(ranges)))]
        size = max(size, last - first + 1)
        low, high = max(0, last + 1 - size), min(first, count - size)
    start = int(generator.integers(low, high + 1))
    inside = tuple((a - start, b - start) for a, b in ranges if a >= start and b < start + size)
    return Row(context.title, context.pieces.ids[start : start + size], inside)
