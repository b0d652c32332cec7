"""Mined files (`qa train mine`) as training examples: several passages for each question."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from indexing.errors import InputError
from reader.features import ReaderTokenizer
from reader.training_data import Context, Example, Placed, TrainingSet, load_squad, piece_range


def is_mined(file: Path) -> bool:
    """Tell a mined file from SQuAD-type JSON by its name."""
    return file.name.removesuffix(".gz").endswith(".jsonl")


def load_training(
    files: Sequence[Path], tokenizer: ReaderTokenizer
) -> tuple[TrainingSet, TrainingSet]:
    """Read SQuAD-type files and mined files; each set is empty if there are none of its kind.

    Raises:
        InputError: a file is neither, or an answer does not stand where it should.
    """
    plain = [file for file in files if not is_mined(file)]
    mined = [file for file in files if is_mined(file)]
    return load_squad(plain, tokenizer), load_mined(mined, tokenizer)


def load_mined(files: Sequence[Path], tokenizer: ReaderTokenizer) -> TrainingSet:
    """Read mined files; a passage that several questions share is tokenised once.

    Raises:
        InputError: a line is not a mined question, with its file and number.
    """
    numbers: dict[tuple[str, str], int] = {}
    raw: list[tuple[dict[str, Any], list[int]]] = []
    for file in files:
        for place, record in _lines(file):
            try:
                own = [
                    numbers.setdefault((one["title"], one["text"]), len(numbers))
                    for one in record["passages"]
                ]
                raw.append(({"id": record["id"], "question": record["question"], **record}, own))
            except (KeyError, TypeError) as error:
                raise InputError(f"{place}: not a mined question ({error!r})") from error
    pieces = tokenizer.passages([text for _, text in numbers])
    contexts = [Context(*key, own) for key, own in zip(numbers, pieces, strict=True)]
    examples = [_example(record, own, contexts) for record, own in raw]
    return TrainingSet(contexts, [example for example in examples if example.positives])


def _lines(file: Path) -> Iterator[tuple[str, Any]]:
    opener = gzip.open if file.suffix == ".gz" else open
    try:
        with opener(file, "rt", encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    yield f"{file}:{number}", json.loads(line)
                except ValueError as error:
                    raise InputError(f"{file}:{number}: not JSON ({error})") from error
    except OSError as error:
        raise InputError(f"{file}: not readable ({error})") from error


def _example(record: dict[str, Any], own: list[int], contexts: list[Context]) -> Example:
    positives: list[Placed] = []
    negatives: list[int] = []
    answers: dict[str, None] = {}
    for passage, number in zip(record["passages"], own, strict=True):
        context = contexts[number]
        if not len(context.pieces):
            continue
        if not passage["answers"]:
            negatives.append(number)
            continue
        ranges = {piece_range(context.pieces, start, end) for start, end in passage["answers"]}
        positives.append((number, tuple(sorted(ranges))))
        answers |= {context.text[start:end]: None for start, end in passage["answers"]}
    first, ranges_of_first = positives[0] if positives else (0, ())
    return Example(
        record["id"],
        record["question"],
        first,
        tuple(answers),
        ranges_of_first,
        tuple(negatives),
        tuple(positives),
    )
