"""Where a run's batches come from: made as they are needed, or by a process beside a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from reader.augmentation import load_words
from reader.batches import Batch, epoch_batches
from reader.features import ReaderTokenizer
from reader.train_settings import TrainSettings
from reader.training_data import TrainingSet

if TYPE_CHECKING:
    import torch

Made = TypeVar("Made")
_AHEAD = 32  # batches made in advance


def run_batches(
    data: TrainingSet, tokenizer: ReaderTokenizer, settings: TrainSettings, done: int
) -> Iterator[Batch]:
    """Yield the batches of all epochs, from the step `done` on."""
    words = load_words(Path(settings.base)) if settings.batches.augment.active else None
    batches = (
        batch
        for epoch in range(settings.epochs)
        for batch in epoch_batches(data, tokenizer, settings.batches, settings.seed, epoch, words)
    )
    return islice(batches, done, None)


def batches_for(
    device: torch.device,
    data: TrainingSet,
    tokenizer: ReaderTokenizer,
    settings: TrainSettings,
    done: int,
) -> Iterator[Batch]:
    """Yield the same batches; for a GPU a process of their own makes them, always ahead of it."""
    return made_ahead(device, lambda: run_batches(data, tokenizer, settings, done))


def made_ahead(device: torch.device, batches: Callable[[], Iterator[Made]]) -> Iterator[Made]:
    """Yield what `batches` makes; for a GPU in a process of its own, always ahead of it."""
    if device.type != "cuda":
        return batches()
    from torch.utils.data import DataLoader, IterableDataset

    class Source(IterableDataset[Made]):
        def __iter__(self) -> Iterator[Made]:
            return batches()

    loader: Iterator[Made] = iter(
        # Forked, so that the worker shares the data, which are many small objects.
        DataLoader(
            Source(),
            batch_size=None,
            num_workers=1,
            prefetch_factor=_AHEAD,
            multiprocessing_context="fork",
        )
    )
    return loader
