"""Fine-tuning of the reader: `qa train reader`.

One loop for CPU and GPU: length-bucketed batches, AdamW with warm-up and linear decay, and
checkpoints from which a stopped run goes on exactly. For few examples the best one is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from encoder.training.attention import fit_attention, half_precision
from encoder.training.compiling import compile_layers
from encoder.training.dropout import set_dropout
from encoder.training.log import StepLog
from encoder.training.state import load_optimizer, open_run, rate_at, save_state
from encoder.transfer import to_device
from indexing.errors import InputError
from reader.batch_parts import answered, parts
from reader.batch_source import batches_for
from reader.batches import Batch, fitting
from reader.companions import inherit
from reader.held_out import load_sets, require_answers
from reader.inference import SpanReader
from reader.loss import distillation_loss, relevance_loss, shared_log_softmax, span_loss
from reader.model_session import ModelSession
from reader.optimizer import make_optimizer
from reader.selection import Selection
from reader.teachers import Teachers
from reader.train_settings import TrainSettings
from reader.training_data import TrainingSet, joined, mine_negatives

if TYPE_CHECKING:
    import torch

    from reader.features import ReaderTokenizer

RECORD = "training.json"
_PLACES = 4096
"""Rows x length that a CPU takes at once: more leave behind what its caches cannot hold."""
_INPUTS = ("ids", "segments", "mask", "allowed", "groups", "labels", "spans")


@dataclass(frozen=True, slots=True)
class Losses:
    """What the joint loss of one batch is made of: L_span and L_cls."""

    span: torch.Tensor
    relevance: torch.Tensor


def batch_losses(
    model: torch.nn.Module, batch: Batch, settings: TrainSettings, teachers: Teachers | None = None
) -> Losses:
    """Return a batch's losses.

    With teachers each is a mean of what labels and teachers say, by `settings.distil`.
    """
    device = next(model.parameters()).device
    inputs = {name: to_device(getattr(batch, name), device) for name in _INPUTS}
    groups, count = inputs["groups"], batch.questions
    start, end, relevance = model(inputs["ids"], inputs["segments"], inputs["mask"])

    def shared(logits: torch.Tensor) -> torch.Tensor:
        return shared_log_softmax(logits, inputs["allowed"], groups, count)

    span = span_loss(shared(start), shared(end), inputs["spans"], groups, count)
    cls = relevance_loss(relevance, inputs["labels"])
    if teachers is not None:
        found, heat, share = teachers.targets(inputs, count), settings.temperature, settings.distil
        answered = inputs["labels"].new_zeros(count).index_add(0, groups, inputs["labels"]) > 0
        wanted = (found.start, found.end)
        taught = distillation_loss(
            shared(start / heat), shared(end / heat), wanted, answered, groups
        )
        # Gradients of softened scores are smaller by the square (Hinton et al. 2015, section 2).
        span = (1 - share) * span + share * heat**2 * taught
        cls = (1 - share) * cls + share * relevance_loss(relevance, found.relevance)
    return Losses(span, cls)


def backward(
    model: torch.nn.Module, batch: Batch, settings: TrainSettings, teachers: Teachers | None = None
) -> Losses:
    """Walk back from `lambda_cls * L_cls + lambda_span * L_span`; return the losses, detached.

    On a CPU part by part. Each loss is a mean, over questions with an answer or over rows, so a
    part counts by its share of these.
    """
    import torch

    device = next(model.parameters()).device
    questions, spans, relevances = max(answered(batch), 1), [], []
    for part in parts(batch, _PLACES if device.type == "cpu" else batch.ids.size):
        with half_precision(device):
            own = batch_losses(model, part, settings, teachers)
        span = own.span * (answered(part) / questions)
        relevance = own.relevance * (len(part.labels) / len(batch.labels))
        (settings.lambda_cls * relevance + settings.lambda_span * span).backward()
        spans.append(span.detach())
        relevances.append(relevance.detach())
    return Losses(torch.stack(spans).sum(), torch.stack(relevances).sum())


Evaluate = Callable[[TrainingSet, SpanReader], float]
"""Returns the F1, in per cent, of a reader on development examples."""


def train(
    settings: TrainSettings,
    out: Path,
    *,
    resume: bool,
    save_every: int = 200,
    evaluate: Evaluate | None = None,
) -> None:
    """Run or resume a training run and leave a checkpoint in `out`.

    With `settings.patience`, `evaluate` measures the model before training and as it goes on,
    and the checkpoint is the best one. A run that is whole already is left as it is.

    Raises:
        InputError: `out` holds another run, an input file is unusable, or there is nothing to
            train on or to choose the best checkpoint by.
    """
    import torch

    from reader.features import ReaderTokenizer
    from reader.model import load_model, save_model

    base = Path(settings.base)
    run = open_run(out, settings, resume=resume)
    if resume and (out / RECORD).exists():
        return
    torch.manual_seed(settings.seed)
    torch.set_flush_denormal(True)
    tokenizer = ReaderTokenizer.from_folder(base)
    data, held = _data(settings, tokenizer)
    if settings.patience and evaluate:
        held = require_answers(held)
    model = _model(run.state or base, settings)
    optimizer = make_optimizer(model, settings)
    device = next(model.parameters()).device
    per_epoch = -(-len(data.examples) // settings.batches.questions)
    steps = min(settings.max_steps or 10**9, per_epoch * settings.epochs)
    done = load_optimizer(optimizer, run.state) if run.state else 0
    compile_layers(model.base, device, steps - done)
    teachers = None
    if settings.teachers:
        teachers = Teachers(settings.teachers, device, steps - done, settings.temperature)

    def save(folder: Path) -> None:
        save_model(model, base, folder, half=False)

    run.begin()
    selection = None
    if settings.patience and evaluate:
        measure = partial(evaluate, held, SpanReader(tokenizer, ModelSession(model)))
        selection = Selection(out, settings.patience, done, measure, save)
        selection.begin()
    log = StepLog(out / "log.jsonl", done, steps)
    batches = batches_for(device, data, tokenizer, settings, done)
    for step, batch in zip(range(done, steps), batches, strict=False):
        losses = _step(model, optimizer, batch, settings, teachers, step, steps)
        told = {"span_loss": losses.span, "relevance_loss": losses.relevance}
        seen = {"questions": batch.questions, "tokens": int(batch.mask.sum())}
        log.record(step + 1, told, seen)
        due = (step + 1) % (settings.evaluate_every or per_epoch) == 0 or step + 1 == steps
        if selection and due and selection.record(step + 1):
            break
        if (step + 1) % save_every == 0 and step + 1 < steps:
            save_state(out, step + 1, optimizer, save)
    save_model(load_model(selection.folder) if selection else model, base, out, half=True)
    inherit(out, base)
    (out / RECORD).write_text(json.dumps(asdict(settings), indent=2) + "\n")


def _data(settings: TrainSettings, tokenizer: ReaderTokenizer) -> tuple[TrainingSet, TrainingSet]:
    """Return the examples to train on, with hard negatives, and those held out.

    Raises:
        InputError: a file is unusable, or there is no example to train on.
    """
    plain, mined, held = load_sets(settings, tokenizer)
    if settings.negatives and plain.examples:
        plain = mine_negatives(plain, settings.negatives)
    data = fitting(joined(plain, mined), settings.batches)
    if not data.examples:
        raise InputError(
            f"{settings.files[0]}: no question to train on; there is none, all are held out, or "
            f"their answers are longer than {settings.batches.max_pieces} word pieces"
        )
    return data, held


def _model(folder: Path, settings: TrainSettings) -> torch.nn.Module:
    import torch

    from reader.model import load_model

    model = load_model(folder)
    set_dropout(model, settings.dropout)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    fit_attention(model.base, device)
    return model.to(device).train()


def _step(
    model: torch.nn.Module,
    optimizer: torch.optim.AdamW,
    batch: Batch,
    settings: TrainSettings,
    teachers: Teachers | None,
    step: int,
    steps: int,
) -> Losses:
    import torch

    # Dropout depends on the step alone, so that a resumed run drops what the whole one drops.
    torch.manual_seed(settings.seed * 2**40 + step)
    losses = backward(model, batch, settings, teachers)
    torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * rate_at(step, steps, settings.warmup)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return losses
