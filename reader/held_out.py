"""What a run holds out for development, so that nothing it is measured on was trained on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexing.errors import InputError
from reader.mined_data import load_training
from reader.train_settings import TrainSettings
from reader.training_data import TrainingSet, load_squad, split_by_context

if TYPE_CHECKING:
    from reader.features import ReaderTokenizer


def load_sets(
    settings: TrainSettings, tokenizer: ReaderTokenizer
) -> tuple[TrainingSet, TrainingSet, TrainingSet]:
    """Return a run's SQuAD-type and mined training examples, and its development examples.

    Development examples come from a file of their own, or are held out: whole documents, or
    whole contexts. Mined examples of held-out questions and documents are left out.

    Raises:
        InputError: a file is unusable.
    """
    plain, mined = load_training([Path(file) for file in settings.files], tokenizer)
    if settings.development_file:
        held = load_squad([Path(settings.development_file)], tokenizer)
    else:
        split = split_by_document if settings.whole_documents else split_by_context
        plain, held = split(plain, settings.development, settings.split_seed)
    return plain, _without(mined, held), held


def split_by_document(
    data: TrainingSet, share: float, seed: int
) -> tuple[TrainingSet, TrainingSet]:
    """Hold out about a share of the questions, in whole documents.

    Questions about one document tell each other's answers; a split between them would measure
    memory. Contexts of one document alone are split by context. Something is held out wherever
    there are two documents or contexts to be told apart.
    """
    named = {context.document for context in data.contexts} - {""}
    keys = [
        context.document if len(named) > 1 else str(number)
        for number, context in enumerate(data.contexts)
    ]
    counts = Counter(keys[example.context] for example in data.examples)
    order = np.random.default_rng(seed).permutation(sorted(counts)).tolist()
    wanted, held, size = share * len(data.examples), set[str](), 0
    for key in order:
        # A large document may go over the share a little, never by half of it.
        if size < wanted and size + counts[key] <= 1.5 * wanted:
            held.add(key)
            size += counts[key]
    if share and not held and len(counts) > 1:
        held.add(min(order, key=lambda key: counts[key]))
    return (
        TrainingSet(data.contexts, [e for e in data.examples if keys[e.context] not in held]),
        TrainingSet(data.contexts, [e for e in data.examples if keys[e.context] in held]),
    )


def _without(mined: TrainingSet, held: TrainingSet) -> TrainingSet:
    questions = {example.question.casefold() for example in held.examples}
    titles = {held.contexts[example.context].title for example in held.examples} - {""}
    kept = [
        example
        for example in mined.examples
        if example.question.casefold() not in questions
        and not any(mined.contexts[number].title in titles for number, _ in example.positives)
    ]
    return TrainingSet(mined.contexts, kept)


def require_answers(held: TrainingSet) -> TrainingSet:
    """Return the answerable examples, by which checkpoints are compared.

    Raises:
        InputError: there are none.
    """
    answered = [example for example in held.examples if example.answers]
    if not answered:
        raise InputError(
            "no question with an answer is held out to choose the best checkpoint by; give SQuAD "
            "files of two documents or contexts at least, or --development-file"
        )
    return TrainingSet(held.contexts, answered)
