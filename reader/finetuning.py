"""Fine-tuning of the reader: `qa train reader`.

One loop for CPU and GPU: length-bucketed batches, AdamW with warm-up and linear decay, and
checkpoints from which a stopped run goes on exactly.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reader.batches import Batch, epoch_batches
from reader.loss import relevance_loss, shared_log_softmax, span_loss
from reader.train_settings import TrainSettings
from reader.train_state import load_optimizer, open_run, rate_at, save_state

if TYPE_CHECKING:
    import torch

    from reader.augmentation import Words
    from reader.features import ReaderTokenizer
    from reader.training_data import TrainingSet


@dataclass(frozen=True, slots=True)
class Losses:
    """The joint loss and its parts, for one batch."""

    total: torch.Tensor
    span: torch.Tensor
    relevance: torch.Tensor


def batch_losses(model: torch.nn.Module, batch: Batch, settings: TrainSettings) -> Losses:
    """Return `lambda_cls * L_cls + lambda_span * L_span` and both parts."""
    import torch

    device = next(model.parameters()).device
    move = {
        name: torch.from_numpy(getattr(batch, name)).to(device, non_blocking=True)
        for name in ("ids", "segments", "mask", "allowed", "groups", "labels", "spans")
    }
    start, end, relevance = model(move["ids"], move["segments"], move["mask"])
    start = shared_log_softmax(start, move["allowed"], move["groups"], batch.questions)
    end = shared_log_softmax(end, move["allowed"], move["groups"], batch.questions)
    span = span_loss(start, end, move["spans"], move["groups"], batch.questions)
    cls = relevance_loss(relevance, move["labels"])
    return Losses(settings.lambda_cls * cls + settings.lambda_span * span, span, cls)


def make_optimizer(model: torch.nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    """Return AdamW (Loshchilov and Hutter 2019) without decay of biases and norms, faster heads."""
    import torch

    groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if settings.freeze_words and name.endswith("word_embeddings.weight"):
            parameter.requires_grad = False
            continue
        head = name.startswith(("base.qa_outputs", "relevance"))
        groups.setdefault((head, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": settings.head_learning_rate if head else settings.learning_rate,
                "peak": settings.head_learning_rate if head else settings.learning_rate,
                "weight_decay": settings.weight_decay if decays else 0.0,
            }
            for (head, decays), parameters in groups.items()
        ],
        fused=True,
    )


def train(settings: TrainSettings, out: Path, *, resume: bool, save_every: int = 200) -> None:
    """Run or resume a training run and leave a checkpoint in `out`.

    Raises:
        InputError: `out` holds another run, or an input file is unusable.
    """
    import torch

    from reader.augmentation import load_words
    from reader.features import ReaderTokenizer
    from reader.mined_data import load_training
    from reader.model import load_model, save_model
    from reader.training_data import joined, mine_negatives, split_by_context

    base = Path(settings.base)
    state = open_run(out, settings, resume=resume)
    torch.manual_seed(settings.seed)
    torch.set_flush_denormal(True)
    tokenizer = ReaderTokenizer.from_folder(base)
    data, mined = load_training([Path(file) for file in settings.files], tokenizer)
    data, _ = split_by_context(data, settings.development, settings.seed)
    if settings.negatives and data.examples:
        data = mine_negatives(data, settings.negatives)
    data = joined(data, mined)
    model = load_model(state or base)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = settings.dropout
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).train()
    optimizer = make_optimizer(model, settings)
    per_epoch = -(-len(data.examples) // settings.batches.questions)
    steps = min(settings.max_steps or 10**9, per_epoch * settings.epochs)
    done = load_optimizer(optimizer, state) if state else 0
    log = _Log(out / "log.jsonl", done, steps)
    words = load_words(base) if settings.batches.augment.active else None
    for step, batch in enumerate(_batches(data, tokenizer, settings, words), start=0):
        if step >= steps:
            break
        if step < done:
            continue
        losses = _step(model, optimizer, batch, settings, rate_at(step, steps, settings.warmup))
        log.record(step + 1, batch, losses)
        if (step + 1) % save_every == 0 and step + 1 < steps:
            save_state(out, step + 1, optimizer, lambda to: save_model(model, base, to, half=False))
    save_model(model, base, out, half=True)
    (out / "training.json").write_text(json.dumps(asdict(settings), indent=2) + "\n")


def _batches(
    data: TrainingSet, tokenizer: ReaderTokenizer, settings: TrainSettings, words: Words | None
) -> Iterator[Batch]:
    for epoch in range(settings.epochs):
        yield from epoch_batches(data, tokenizer, settings.batches, settings.seed, epoch, words)


def _step(
    model: torch.nn.Module,
    optimizer: torch.optim.AdamW,
    batch: Batch,
    settings: TrainSettings,
    rate: float,
) -> Losses:
    import torch

    cuda = next(model.parameters()).is_cuda
    with torch.autocast("cuda", torch.bfloat16) if cuda else nullcontext():
        losses = batch_losses(model, batch, settings)
    losses.total.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * rate
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return losses


class _Log:
    """Prints and stores the losses, speed and time left."""

    def __init__(self, file: Path, done: int, steps: int) -> None:
        self._file, self._first, self._steps = file, done, steps
        self._start, self._tokens, self._questions = time.monotonic(), 0, 0
        self._spans: list[float] = []
        self._classes: list[float] = []

    def record(self, step: int, batch: Batch, losses: Losses) -> None:
        self._tokens += int(batch.mask.sum())
        self._questions += batch.questions
        self._spans.append(float(losses.span.detach()))
        self._classes.append(float(losses.relevance.detach()))
        if step % 20 and step != self._steps:
            return
        seconds = time.monotonic() - self._start
        left = seconds / (step - self._first) * (self._steps - step)
        line = {
            "step": step,
            "span_loss": round(sum(self._spans) / len(self._spans), 4),
            "relevance_loss": round(sum(self._classes) / len(self._classes), 4),
            "questions_per_second": round(self._questions / seconds, 2),
            "tokens_per_second": round(self._tokens / seconds),
            "eta_minutes": round(left / 60, 1),
        }
        self._spans, self._classes = [], []
        with self._file.open("a") as stream:
            stream.write(json.dumps(line) + "\n")
        print(f"step {step}/{self._steps} {line}", file=sys.stderr, flush=True)
