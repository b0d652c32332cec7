"""Parts of a batch: together they are the batch, and so are their gradients."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

from reader import finetuning
from reader.batch_parts import answered, parts
from reader.batches import Batch
from reader.train_settings import TrainSettings


def drawn(seed: int, questions: int = 7, width: int = 40) -> Batch:
    """Return questions of one to three rows; every third has no gold span."""
    generator = np.random.default_rng(seed)
    groups = np.repeat(np.arange(questions), generator.integers(1, 4, questions))
    lengths = generator.integers(9, width + 1, len(groups))
    mask = (np.arange(width) < lengths[:, None]).astype(np.int64)
    spans = [
        (row, start, start + 1)
        for row, group in enumerate(groups)
        for start in generator.integers(4, 7, generator.integers(1, 3))
        if group % 3 and generator.random() < 0.8
    ]
    places = np.arange(width)
    return Batch(
        generator.integers(5, 30, mask.shape) * mask,
        (places >= 4) * mask,
        mask,
        (places >= 4) & (places < lengths[:, None] - 1),
        groups,
        np.isin(np.arange(len(groups)), [row for row, *_ in spans]).astype(np.float32),
        np.asarray(spans, dtype=np.int64).reshape(-1, 3),
        questions,
    )


@pytest.mark.parametrize("places", [1, 100, 200, 10**6])
@pytest.mark.parametrize("seed", range(5))
def test_parts_hold_whole_questions_and_together_every_row_and_span(seed, places):
    batch = drawn(seed)
    found = list(parts(batch, places))
    assert sum(part.questions for part in found) == batch.questions
    assert sum(answered(part) for part in found) == answered(batch)
    row = question = 0
    spans = []
    for part in found:
        assert part.ids.size <= places or part.questions == 1
        assert sorted(set(part.groups)) == list(range(part.questions))
        rows = slice(row, row + len(part.groups))
        assert (part.groups + question == batch.groups[rows]).all()
        assert (part.labels == batch.labels[rows]).all()
        for name in ("ids", "segments", "mask", "allowed"):
            whole, own = getattr(batch, name)[rows], getattr(part, name)
            assert (whole[:, : own.shape[1]] == own).all()
            assert not whole[:, own.shape[1] :].any()
        spans += np.add(part.spans, [row, 0, 0]).tolist()
        row, question = rows.stop, question + part.questions
    assert row == len(batch.groups)
    assert spans == batch.spans.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_losses_and_gradients_are_those_of_the_whole_batch(tiny_bert, monkeypatch, seed):
    import torch

    from reader.model import load_model

    monkeypatch.setattr(finetuning, "half_precision", lambda device: nullcontext())
    monkeypatch.setattr(finetuning, "_PLACES", 100)
    settings = TrainSettings(base=str(tiny_bert), files=(), lambda_cls=0.5, lambda_span=2.0)
    batch = drawn(seed)
    assert len(list(parts(batch, 100))) > 2
    model = load_model(tiny_bert).eval()
    whole = finetuning.batch_losses(model, batch, settings)
    (0.5 * whole.relevance + 2.0 * whole.span).backward()
    wanted = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    found = finetuning.backward(model, batch, settings)
    torch.testing.assert_close(found.span, whole.span.detach())
    torch.testing.assert_close(found.relevance, whole.relevance.detach())
    assert wanted
    for name, parameter in model.named_parameters():
        if name in wanted:
            torch.testing.assert_close(parameter.grad, wanted[name], atol=1e-5, rtol=1e-4)
