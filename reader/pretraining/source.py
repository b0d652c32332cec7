"""Where a process's batches come from: made as they are needed, or by workers beside it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from reader.pretraining.batches import PretrainBatch, Recipe, make_batch, recipes
from reader.pretraining.processes import Group
from reader.pretraining.settings import PretrainSettings
from reader.pretraining.shards import Tokens, open_tokens
from reader.pretraining.vocabulary import Vocabulary

_GPU_WORKERS = 6
_AHEAD = 8  # batches that each worker prepares in advance


class BatchMaker:
    """Makes batches; opens the tokens on first use, so that each worker opens them itself."""

    def __init__(self, settings: PretrainSettings) -> None:
        self._settings = settings
        self._open: tuple[Tokens, Vocabulary] | None = None

    def __getitem__(self, recipe: Recipe) -> PretrainBatch:
        """Return the batch of a recipe."""
        if self._open is None:
            vocabulary = Vocabulary.from_folder(Path(self._settings.base))
            self._open = open_tokens(Path(self._settings.tokens), vocabulary), vocabulary
        return make_batch(*self._open, self._settings, recipe)


def own_batches(
    tokens: Tokens, settings: PretrainSettings, group: Group, done: int, workers: int | None
) -> Iterator[PretrainBatch]:
    """Yield a process's batches from step `done` on, without end.

    The batches of a step are dealt out in turn: process r of n gets numbers r, r + n, ...
    """
    wanted = recipes(tokens, settings, done * settings.batches)
    own = islice(wanted, group.rank, None, group.size)
    maker = BatchMaker(settings)
    if workers is None:
        workers = _GPU_WORKERS if group.device.type == "cuda" else 0
    if not workers:
        return (maker[recipe] for recipe in own)
    from torch.utils.data import DataLoader

    loader: Iterator[PretrainBatch] = iter(
        DataLoader(maker, batch_size=None, sampler=own, num_workers=workers, prefetch_factor=_AHEAD)
    )
    return loader
