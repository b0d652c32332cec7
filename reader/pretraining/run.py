"""The pretraining loop: `qa pretrain`.

SpanBERT (Joshi et al. 2020): single segments, no next-sentence objective, and the sum of the
mean losses of the objectives. The means are taken over all targets of an optimizer step, however
it is spread over batches and processes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from encoder.training.attention import fit_attention, half_precision, uses_bf16
from encoder.training.compiling import compile_layers
from encoder.training.optimizer import adamw
from encoder.training.state import current_state, load_optimizer, open_run, rate_at, save_state
from indexing.errors import InputError
from reader.pretraining.batches import PretrainBatch
from reader.pretraining.log import RunLog
from reader.pretraining.model import LossSums, build_model, save_checkpoint
from reader.pretraining.processes import Group
from reader.pretraining.settings import PretrainSettings
from reader.pretraining.shards import Tokens, open_tokens
from reader.pretraining.source import own_batches
from reader.pretraining.throughput import measured_peak
from reader.pretraining.vocabulary import Vocabulary

if TYPE_CHECKING:
    import torch

RECORD = "pretraining.json"


def pretrain(
    settings: PretrainSettings,
    out: Path,
    group: Group,
    *,
    resume: bool,
    save_every: int = 500,
    workers: int | None = None,
) -> None:
    """Run or resume pretraining and leave a checkpoint in `out`; a group's processes share it.

    `workers` prepare batches beside the training process (None: several for a GPU, else none).

    Raises:
        InputError: `out` holds another run, or the tokens or the base are unusable.
    """
    import torch

    base = Path(settings.base)
    settings.check(group.size)
    vocabulary = Vocabulary.from_folder(base)
    tokens = open_tokens(Path(settings.tokens), vocabulary)
    run = open_run(out, settings, resume=resume) if group.first else None
    group.wait()
    if (out / RECORD).exists():
        return  # resumed, and whole already
    state = current_state(out)
    torch.manual_seed(settings.seed)
    torch.set_flush_denormal(True)
    model = _model(settings, vocabulary, state).to(group.device).train()
    fit_attention(model.base, group.device)
    optimizer = adamw(model, settings.learning_rate, settings.weight_decay)
    steps = total_steps(tokens, settings)
    done = load_optimizer(optimizer, state) if state else 0
    compile_layers(model.base, group.device, steps - done)
    peak = measured_peak(group.device, half=uses_bf16(group.device))
    if run:
        run.begin()
    log = RunLog(out / "log.jsonl", group, model.base.config, peak, done, steps)
    source = own_batches(tokens, settings, group, done, workers)
    for step in range(done, steps):
        batches = list(islice(source, settings.batches // group.size))
        rate = settings.learning_rate * rate_at(step, steps, settings.warmup)
        means = _step(model, optimizer, batches, settings, group, step, rate)
        log.record(step + 1, batches, means, rate)
        if group.first and (step + 1) % save_every == 0 and step + 1 < steps:
            save_state(out, step + 1, optimizer, lambda to: save_checkpoint(model, base, to))
    if group.first:
        save_checkpoint(model, base, out)
        record = json.dumps(asdict(settings), indent=2) + "\n"
        (out / RECORD).write_text(record, encoding="utf-8")
    group.wait()


def total_steps(tokens: Tokens, settings: PretrainSettings) -> int:
    """Return the optimizer steps of a run: the epochs' tokens over a step's, or fewer."""
    whole = max(1, round(settings.epochs * tokens.pieces / settings.step_tokens))
    return min(whole, settings.max_steps or whole)


def _model(
    settings: PretrainSettings, vocabulary: Vocabulary, state: Path | None
) -> torch.nn.Module:
    """Return the model at the start or at a saved state; heads that are not used stay as is."""
    model = build_model(replace(settings, base=str(state), config=None) if state else settings)
    size = model.base.config.vocab_size
    if size < vocabulary.size:
        raise InputError(f"the model has {size:,} pieces, its tokenizer {vocabulary.size:,}")
    model.boundary.requires_grad_(settings.boundary)
    model.boundary_bias.requires_grad_(settings.boundary)
    model.selection.requires_grad_(settings.recurring > 0)
    return model


def _step(
    model: torch.nn.Module,
    optimizer: torch.optim.AdamW,
    batches: list[PretrainBatch],
    settings: PretrainSettings,
    group: Group,
    step: int,
    rate: float,
) -> LossSums:
    """Take one optimizer step, and return this process's part of the mean losses."""
    import torch

    masked, boundary, selection = (max(1.0, count) for count in _targets(batches, group))
    parts = []
    for number, batch in enumerate(batches):
        # Dropout depends on the batch alone, so that runs can stop, resume and be shared out.
        place = step * settings.batches + number * group.size + group.rank
        torch.manual_seed(settings.seed * 2**40 + place)
        with half_precision(group.device):
            sums = model(batch)
        mean = LossSums(sums.masked / masked, sums.boundary / boundary, sums.selection / selection)
        (mean.masked + mean.boundary + mean.selection).backward()
        parts.append(torch.stack([mean.masked, mean.boundary, mean.selection]).detach())
    group.sum_gradients(model.parameters())
    torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
    for values in optimizer.param_groups:
        values["lr"] = rate
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return LossSums(*torch.stack(parts).sum(0))


def _targets(batches: list[PretrainBatch], group: Group) -> list[float]:
    """Count the step's targets of each objective, in all processes; a question has two."""
    return group.sum(
        [
            sum(len(batch.masked) for batch in batches),
            sum(len(batch.boundaries) for batch in batches),
            2 * sum(len(batch.questions) for batch in batches),
        ]
    )
