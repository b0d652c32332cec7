"""Training a question writer: `qa train writer`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from encoder.checkpoint import WEIGHTS
from encoder.training.attention import half_precision
from encoder.training.log import StepLog
from encoder.training.optimizer import adamw
from encoder.training.state import load_optimizer, open_run, rate_at, save_state
from encoder.transfer import to_device
from reader.asking.model import load_writer, piece_logits, run_layers, target_mask
from reader.asking.sequences import Pair, Styles, WriterData
from reader.batch_source import made_ahead
from reader.features import ReaderTokenizer
from reader.pretraining.model import TOKENIZER_FILES

if TYPE_CHECKING:
    import torch

RECORD = "writer.json"
_POOL = 24  # batches that are sorted by length together


@dataclass(frozen=True, slots=True)
class WriterSettings:
    """What a run is made of; stored beside the checkpoint, so that a resumed run is the same."""

    base: str
    files: tuple[str, ...]
    epochs: int = 6
    max_steps: int | None = None
    rows: int = 64
    learning_rate: float = 2e-4
    warmup: float = 0.06
    weight_decay: float = 0.01
    dropout: float = 0.1
    clip: float = 1.0
    seed: int = 13


@dataclass(frozen=True, slots=True)
class WriterBatch:
    """Rows of source, target and masks, (rows, source + 2 * target), int64.

    `lengths` are those of the sources, (rows,). Pieces of a target stand in `wanted`, (rows,
    target), and -100 after its end.
    """

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    segments: NDArray[np.int64]
    lengths: NDArray[np.int64]
    wanted: NDArray[np.int64]

    @property
    def tokens(self) -> int:
        """How many pieces are run, without padding."""
        return int(self.lengths.sum() + 2 * (self.wanted >= 0).sum())


def collate(pairs: list[Pair], pad: int, mask: int) -> WriterBatch:
    """Pad rows into a batch."""
    source = -(-max(len(pair.source) for pair in pairs) // 8) * 8
    target = -(-max(len(pair.target) for pair in pairs) // 8) * 8
    shape = (len(pairs), source + 2 * target)
    ids, positions = np.full(shape, pad, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    segments = np.zeros(shape, dtype=np.int64)
    wanted = np.full((len(pairs), target), -100, dtype=np.int64)
    ids[:, source + target :] = mask
    segments[:, source:] = 1
    positions[:, :source] = np.arange(source)
    for row, pair in enumerate(pairs):
        size, end = len(pair.source), source + len(pair.target)
        ids[row, :size], ids[row, source:end] = pair.source, pair.target
        positions[row, source:] = size + np.tile(np.arange(target), 2)
        wanted[row, : len(pair.target)] = pair.target
    lengths = np.asarray([len(pair.source) for pair in pairs], dtype=np.int64)
    return WriterBatch(ids, positions, segments, lengths, wanted)


def batch_loss(model: torch.nn.Module, batch: WriterBatch) -> torch.Tensor:
    """Return the mean negative log-likelihood of the batch's target pieces."""
    import torch

    device = next(model.parameters()).device
    names = ("ids", "positions", "segments", "lengths", "wanted")
    ids, positions, segments, lengths, wanted = (
        to_device(getattr(batch, name), device) for name in names
    )
    target = wanted.shape[1]
    source = ids.shape[1] - 2 * target
    mask = target_mask(lengths, source, target)
    states = run_layers(model, ids, positions, segments, mask)[:, source + target :]
    there = wanted >= 0
    logits = piece_logits(model, states[there])
    return torch.nn.functional.cross_entropy(logits.float(), wanted[there])


def batches(
    data: WriterData, tokenizer: ReaderTokenizer, settings: WriterSettings
) -> Iterator[WriterBatch]:
    """Yield the batches of all epochs; the same settings always give the same."""
    styles = Styles.of(tokenizer, len(data.sets))
    mask = tokenizer.tokens()["[MASK]"]
    for epoch in range(settings.epochs):
        generator = np.random.default_rng((settings.seed, epoch))
        pairs = data.pairs(tokenizer, styles, generator)
        order = generator.permutation(len(pairs))
        pool = settings.rows * _POOL
        for begin in range(0, len(order), pool):
            drawn = [pairs[i] for i in order[begin : begin + pool]]
            drawn.sort(key=lambda pair: len(pair.source))
            for start in generator.permutation(np.arange(0, len(drawn), settings.rows)):
                yield collate(drawn[start : start + settings.rows], tokenizer.pad, mask)


def train_writer(
    settings: WriterSettings, out: Path, *, resume: bool, save_every: int = 500
) -> None:
    """Run or resume a training run and leave a writer, a masked language model's folder, in `out`.

    Raises:
        InputError: `out` holds another run, or a file or the base is unusable.
    """
    import torch

    base = Path(settings.base)
    run = open_run(out, settings, resume=resume)
    if resume and (out / RECORD).exists():
        return
    torch.manual_seed(settings.seed)
    tokenizer = ReaderTokenizer.from_folder(base)
    data = WriterData.load([Path(file) for file in settings.files], tokenizer)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_writer(run.state or base, settings.dropout).to(device).train()
    optimizer = adamw(model, settings.learning_rate, settings.weight_decay)
    done = load_optimizer(optimizer, run.state) if run.state else 0
    count = sum(len(one.examples) for one in data.sets)
    steps = min(settings.max_steps or 10**9, settings.epochs * -(-count // settings.rows))
    run.begin()
    log = StepLog(out / "log.jsonl", done, steps)
    source = made_ahead(device, lambda: islice(batches(data, tokenizer, settings), done, None))
    for step, batch in zip(range(done, steps), source, strict=False):
        # Dropout depends on the step alone, so that a resumed run drops what the whole one drops.
        torch.manual_seed(settings.seed * 2**40 + step)
        with half_precision(device):
            loss = batch_loss(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * rate_at(step, steps, settings.warmup)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        log.record(step + 1, {"loss": loss}, {"questions": len(batch.ids), "tokens": batch.tokens})
        if (step + 1) % save_every == 0 and step + 1 < steps:
            save_state(out, step + 1, optimizer, lambda to: _save(model, base, to))
    _save(model, base, out)
    (out / RECORD).write_text(json.dumps(asdict(settings), indent=2) + "\n")


def _save(model: torch.nn.Module, source: Path, target: Path) -> None:
    model.save_pretrained(target)
    # The weights for all who may read the configuration: see `encoder.weights_file`.
    (target / WEIGHTS).chmod((target / "config.json").stat().st_mode)
    for name in TOKENIZER_FILES:
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
