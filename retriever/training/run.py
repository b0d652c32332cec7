"""Training of the dense encoder: `qa train retriever`.

One loop for CPU and GPU: a question's passage against all other passages of a batch, as large as
wanted, AdamW with warm-up and linear decay, and states from which a stopped run goes on exactly.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from encoder.batching import length_batches, pad
from encoder.sentence_settings import SentenceSettings
from encoder.training.attention import fit_attention, half_precision
from encoder.training.compiling import compile_layers
from encoder.training.log import StepLog
from encoder.training.optimizer import adamw
from encoder.training.state import load_optimizer, open_run, rate_at, save_state
from indexing.errors import InputError
from retriever.training.batches import Batch, BatchMaker
from retriever.training.examples import TrainingExamples
from retriever.training.grad_cache import walk_back
from retriever.training.loss import Losses, losses
from retriever.training.model import embed, load_model, save_model, trainable_settings
from retriever.training.settings import EncoderTraining
from retriever.training.texts import TextPieces

if TYPE_CHECKING:
    import torch

RECORD = "retriever_training.json"


@dataclass(frozen=True, slots=True)
class Trained:
    """The model, and how its texts are padded and its states are made vectors."""

    model: torch.nn.Module
    sentence: SentenceSettings
    pad: int
    settings: EncoderTraining


def train(
    load: Callable[[], TrainingExamples],
    settings: EncoderTraining,
    out: Path,
    *,
    resume: bool,
    save_every: int = 200,
    teach: Callable[[TrainingExamples], TrainingExamples] | None = None,
) -> None:
    """Run or resume a training run and leave an encoder folder in `out`.

    `load` is called once it is known that there is something to do; `teach` adds what a teacher
    says, and may keep that in `out`. A run that is whole already is left as it is.

    Raises:
        InputError: `out` holds another run, the base cannot be trained, or there is no question.
    """
    import torch

    base = Path(settings.base)
    sentence = trainable_settings(base)
    run = open_run(out, settings, resume=resume)
    if resume and (out / RECORD).exists():
        return
    examples = load()
    if not examples.questions:
        raise InputError(f"{settings.sources[0]}: nothing in it to train the encoder on")
    torch.set_flush_denormal(True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_model(run.state or base, settings.dropout).to(device)
    fit_attention(model, device)
    optimizer = adamw(model, settings.learning_rate, settings.weight_decay)
    texts = TextPieces(base, sentence)
    run.begin()
    examples = teach(examples) if teach else examples
    maker = BatchMaker(examples, texts, settings)
    steps = min(settings.max_steps or 10**9, maker.per_epoch * settings.epochs)
    done = load_optimizer(optimizer, run.state) if run.state else 0
    compile_layers(model, device, steps - done)
    save = partial(save_model, model, base, settings=sentence)
    trained = Trained(model, sentence, texts.pad, settings)
    log = StepLog(out / "log.jsonl", done, steps)
    for step, batch in _ahead(maker, done, steps):
        found = _step(trained, optimizer, batch, step, steps)
        # A pair is a question and a passage that it was given: the positive, or a hard negative.
        seen = {"pairs": len(batch.rows) - batch.questions, "tokens": batch.tokens}
        parts = {"loss": found.ranking, "distil_loss": found.distil, "accuracy": found.accuracy}
        log.record(step + 1, parts, seen)
        if (step + 1) % save_every == 0 and step + 1 < steps:
            save_state(out, step + 1, optimizer, partial(save, half=False))
    save(out, half=True)
    (out / RECORD).write_text(json.dumps(asdict(settings), indent=2) + "\n")


def _ahead(maker: BatchMaker, done: int, steps: int) -> Iterator[tuple[int, Batch]]:
    """Yield the batches from step `done` on; each is made while the one before is trained on."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(maker.batch, done) if done < steps else None
        for step in range(done, steps):
            assert coming is not None
            batch = coming.result()
            coming = pool.submit(maker.batch, step + 1) if step + 1 < steps else None
            yield step, batch


def _step(
    trained: Trained, optimizer: torch.optim.AdamW, batch: Batch, step: int, steps: int
) -> Losses:
    import torch

    settings = trained.settings
    found = backward(trained, batch, step)
    torch.nn.utils.clip_grad_norm_(trained.model.parameters(), settings.clip)
    for group in optimizer.param_groups:
        group["lr"] = settings.learning_rate * rate_at(step, steps, settings.warmup)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return found


def backward(trained: Trained, batch: Batch, step: int) -> Losses:
    """Add the gradients of one batch to the weights."""
    import torch

    settings = trained.settings
    device = next(trained.model.parameters()).device
    chunks = list(length_batches([len(row) for row in batch.rows], settings.chunk_tokens))

    def vectors(number: int) -> torch.Tensor:
        # Dropout depends on step and chunk alone: the second pass drops what the first one did,
        # and a resumed run what the whole one does.
        torch.manual_seed((settings.seed * 2**20 + step) * 2**20 + number)
        ids, mask = (
            torch.from_numpy(array).to(device, torch.long)
            for array in pad([batch.rows[row] for row in chunks[number]], trained.pad)
        )
        with half_precision(device):
            return embed(trained.model, ids, mask, trained.sentence)

    target, allowed = (torch.from_numpy(a).to(device) for a in (batch.target, batch.allowed))
    teacher = None if batch.teacher is None else torch.from_numpy(batch.teacher).to(device)

    def loss(found: torch.Tensor) -> Losses:
        return losses(found, target, allowed, teacher, settings.temperature, settings.distil)

    return walk_back(chunks, vectors, loss)
