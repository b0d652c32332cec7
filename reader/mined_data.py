"""Mined files (`qa train mine`) as training examples: several passages for each question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from indexing.compression import without_suffix
from indexing.json_files import decoded_lines, json_lines, record_text
from reader.features import ReaderTokenizer
from reader.mined_passages import mined_passages
from reader.training_data import Context, Example, Placed, TrainingSet, load_squad, piece_range


def is_mined(file: Path) -> bool:
    """Tell a mined file from SQuAD-type JSON by its name."""
    return without_suffix(file.name).endswith(".jsonl")


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
    raw: list[_Raw] = []
    for file in files:
        for place, record in json_lines(file, decoded_lines(file)):
            question = record_text(record, "question", place)
            passages = mined_passages(record, place)
            own = [numbers.setdefault((one.title, one.text), len(numbers)) for one in passages]
            found = list(zip(own, (one.places for one in passages), strict=True))
            raw.append(_Raw(str(record.get("id", place)), question, found))
    pieces = tokenizer.passages([text for _, text in numbers])
    contexts = [Context(*key, own) for key, own in zip(numbers, pieces, strict=True)]
    examples = [_example(one, contexts) for one in raw]
    return TrainingSet(contexts, [example for example in examples if example.positives])


@dataclass(frozen=True, slots=True)
class _Raw:
    """A question with the numbers of its passages and the places of its answers in them."""

    id: str
    question: str
    passages: list[tuple[int, tuple[tuple[int, int], ...]]]


def _example(raw: _Raw, contexts: list[Context]) -> Example:
    positives: list[Placed] = []
    negatives: list[int] = []
    answers: dict[str, None] = {}
    for number, places in raw.passages:
        context = contexts[number]
        if not len(context.pieces):
            continue
        if not places:
            negatives.append(number)
            continue
        ranges = {piece_range(context.pieces, start, end) for start, end in places}
        positives.append((number, tuple(sorted(ranges))))
        answers |= {context.text[start:end]: None for start, end in places}
    first, ranges_of_first = positives[0] if positives else (0, ())
    return Example(
        raw.id,
        raw.question,
        first,
        tuple(answers),
        ranges_of_first,
        tuple(negatives),
        tuple(positives),
    )
