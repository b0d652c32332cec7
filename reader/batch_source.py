"""Where a run's batches come from: made as they are needed, or by a process beside a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from reader.augmentation import load_words
from reader.batches import Batch, epoch_batches
from reader.features import ReaderTokenizer
from reader.train_settings import TrainSettings
from reader.training_data import TrainingSet

if TYPE_CHECKING:
    import torch

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
    if device.type != "cuda":
        return run_batches(data, tokenizer, settings, done)
    from torch.utils.data import DataLoader, IterableDataset

    class Source(IterableDataset[Batch]):
        def __iter__(self) -> Iterator[Batch]:
            return run_batches(data, tokenizer, settings, done)

    loader: Iterator[Batch] = iter(
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
