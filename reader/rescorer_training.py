"""Training of a rescorer: `qa train rescorer`.

The rescorer is a reader that goes on to learn: of a question's best answers, each marked in its
passage, the right ones shall together become more probable than the others (Iyer et al. 2021,
"RECONSIDER", section 3; where several are right, by their marginal likelihood, as Clark and
Gardner 2018, section 3.1, have it for occurrences of an answer).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from encoder.training.attention import fit_attention, half_precision
from encoder.training.dropout import set_dropout
from encoder.training.log import StepLog
from encoder.training.state import load_optimizer, open_run, rate_at, save_state
from encoder.transfer import to_device
from indexing.errors import InputError
from reader.optimizer import make_optimizer
from reader.rescorer_data import (
    ChoiceBatch,
    MarkedQuestion,
    collate,
    epoch_batches,
    load_candidates,
    split_questions,
)
from reader.rescorer_settings import RescorerSettings
from reader.train_settings import TrainSettings

if TYPE_CHECKING:
    import torch

    from reader.features import ReaderTokenizer

RECORD = "training.json"
_SOFTER = 0.25
"""What a reader's span logits are multiplied by before the first step.

They are so sharp that start and end alone would decide, and the relevance would learn nothing. A
rescorer that goes on to learn keeps its own.
"""


@dataclass(frozen=True, slots=True)
class RescorerResult:
    """How many questions trained, and for how many of those held out the first answer is right.

    `before` counts by the reader's order, `after` by the rescorer's scores alone.
    """

    trained: int
    held_out: int
    before: int
    after: int


def choice_loss(scores: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return the mean negative log-probability that the right answers of a question have together.

    Args:
        scores: (questions, answers), -inf where a question has fewer answers.
        right: bool of the same shape; each question has a right answer.
    """
    import torch

    wanted = scores.masked_fill(~right, -torch.inf)
    return (scores.logsumexp(1) - wanted.logsumexp(1)).mean()


def answer_scores(model: torch.nn.Module, batch: ChoiceBatch) -> torch.Tensor:
    """Return the score of each answer, as `reader.rescoring.MarkedReader` gives it.

    The shape is (questions, answers), with -inf where a question has fewer.
    """
    device = next(model.parameters()).device
    ids, segments, mask = (
        to_device(array, device) for array in (batch.ids, batch.segments, batch.mask)
    )
    first, last = to_device(batch.first, device)[:, None], to_device(batch.last, device)[:, None]
    start, end, relevance = model(ids, segments, mask)
    scores = start.gather(1, first)[:, 0] + end.gather(1, last)[:, 0] + relevance
    places = to_device(batch.places, device)
    found: torch.Tensor = scores[places.clamp(min=0)].masked_fill(places < 0, -float("inf"))
    return found


def accumulate(
    model: torch.nn.Module, questions: Sequence[MarkedQuestion], padding: int, chunk: int
) -> torch.Tensor:
    """Add the gradients of a batch's loss up, `chunk` questions at a time; return the loss."""
    import torch

    device = next(model.parameters()).device
    total = torch.zeros((), device=device)
    for begin in range(0, len(questions), chunk):
        part = questions[begin : begin + chunk]
        batch = collate(part, padding)
        with half_precision(device):
            loss = choice_loss(answer_scores(model, batch), to_device(batch.right, device))
            loss = loss * (len(part) / len(questions))
        loss.backward()
        total += loss.detach()
    return total


def train_rescorer(
    settings: RescorerSettings, out: Path, *, resume: bool, save_every: int = 100
) -> RescorerResult:
    """Run or resume a training run, leave a checkpoint in `out`, and tell whether it helps.

    A run that is whole already is left as it is.

    Raises:
        InputError: `out` holds another run, a file is unusable, or no question is left to train on.
    """
    import torch

    from reader.features import ReaderTokenizer
    from reader.model import save_model

    base = Path(settings.base)
    run = open_run(out, settings, resume=resume)
    if resume and (out / RECORD).exists():
        return RescorerResult(**json.loads((out / RECORD).read_text())["result"])
    torch.manual_seed(settings.seed)
    torch.set_flush_denormal(True)
    tokenizer = ReaderTokenizer.from_folder(base)
    questions, held = _data(settings, tokenizer)
    model = _model(settings, run.state)
    optimizer = make_optimizer(model, _as_reader(settings))
    per_epoch = -(-len(questions) // settings.questions)
    steps = min(settings.max_steps or 10**9, per_epoch * settings.epochs)
    done = load_optimizer(optimizer, run.state) if run.state else 0

    def save(folder: Path) -> None:
        save_model(model, base, folder, half=False)

    run.begin()
    log = StepLog(out / "log.jsonl", done, steps)
    batches = _batches(questions, settings, done, per_epoch)
    for step, batch in zip(range(done, steps), batches, strict=False):
        loss = _step(model, optimizer, batch, tokenizer.pad, settings, step, steps)
        tokens = sum(len(row.ids) for question in batch for row in question.rows)
        log.record(step + 1, {"loss": loss}, {"questions": len(batch), "tokens": tokens})
        if (step + 1) % save_every == 0 and step + 1 < steps:
            save_state(out, step + 1, optimizer, save)
    save_model(model, base, out, half=True)
    before = sum(bool(question.right[0]) for question in held)
    after = _right_first(model, held, tokenizer.pad, settings.chunk)
    result = RescorerResult(len(questions), len(held), before, after)
    record = {"settings": asdict(settings), "result": asdict(result)}
    (out / RECORD).write_text(json.dumps(record, indent=2) + "\n")
    return result


def _data(
    settings: RescorerSettings, tokenizer: ReaderTokenizer
) -> tuple[list[MarkedQuestion], list[MarkedQuestion]]:
    found = load_candidates([Path(file) for file in settings.files], tokenizer)
    questions, held = split_questions(found, settings.held_out, settings.seed)
    if not questions:
        raise InputError(
            f"{settings.files[0]}: all of its questions are held out; give more questions."
        )
    return questions, held


def _model(settings: RescorerSettings, state: Path | None) -> torch.nn.Module:
    import torch

    from reader.model import load_model

    model = load_model(state or Path(settings.base))
    if state is None and not settings.goes_on:
        with torch.no_grad():
            for parameter in model.base.qa_outputs.parameters():
                parameter.mul_(_SOFTER)
    set_dropout(model, settings.dropout)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    fit_attention(model.base, device)
    return model.to(device).train()


def _as_reader(settings: RescorerSettings) -> TrainSettings:
    """Return what the optimizer asks of a reader's settings."""
    return TrainSettings(
        base=settings.base,
        files=settings.files,
        learning_rate=settings.learning_rate,
        head_learning_rate=settings.head_learning_rate,
        weight_decay=settings.weight_decay,
    )


def _batches(
    questions: Sequence[MarkedQuestion], settings: RescorerSettings, done: int, per_epoch: int
) -> Iterator[list[MarkedQuestion]]:
    """Yield the batches that follow `done` steps, epoch after epoch."""
    skip = done % per_epoch
    for epoch in count(done // per_epoch):
        for batch in epoch_batches(questions, settings.questions, settings.seed, epoch):
            if skip:
                skip -= 1
                continue
            yield batch


def _step(
    model: torch.nn.Module,
    optimizer: torch.optim.AdamW,
    batch: Sequence[MarkedQuestion],
    padding: int,
    settings: RescorerSettings,
    step: int,
    steps: int,
) -> torch.Tensor:
    import torch

    # Dropout depends on the step alone, so that a resumed run drops what the whole one drops.
    torch.manual_seed(settings.seed * 2**40 + step)
    loss = accumulate(model, batch, padding, settings.chunk)
    torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * rate_at(step, steps, settings.warmup)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss


def _right_first(
    model: torch.nn.Module, questions: Sequence[MarkedQuestion], padding: int, chunk: int
) -> int:
    """Return for how many questions the answer of the greatest score is right."""
    import torch

    model.eval()
    right = 0
    with torch.inference_mode():
        for begin in range(0, len(questions), chunk):
            batch = collate(questions[begin : begin + chunk], padding)
            best = answer_scores(model, batch).argmax(1).cpu().numpy()
            right += int(batch.right[range(len(best)), best].sum())
    return right
