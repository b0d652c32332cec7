"""The reader's losses: shared-normalised marginal span likelihood, and passage relevance."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def shared_log_softmax(
    logits: torch.Tensor, allowed: torch.Tensor, groups: torch.Tensor, questions: int
) -> torch.Tensor:
    """Normalise token logits over all passages of each question.

    One softmax over the tokens of all passages (Clark and Gardner 2018, section 3.3; Wang et al.
    2019, section 3), so that scores compare across passages.

    Args:
        logits: (rows, length).
        allowed: (rows, length), true where an answer may stand.
        groups: (rows,), the question of each row, in `[0, questions)`.
        questions: how many questions there are.

    Returns:
        Log-probabilities of shape (rows, length), -inf where not allowed.
    """
    import torch

    logits = logits.masked_fill(~allowed, -torch.inf)
    highest = torch.full((questions,), -torch.inf, device=logits.device, dtype=logits.dtype)
    highest = highest.scatter_reduce(0, groups, logits.detach().amax(1), "amax")
    highest = highest.clamp(min=torch.finfo(logits.dtype).min)
    sums = torch.zeros(questions, device=logits.device, dtype=logits.dtype)
    sums = sums.index_add(0, groups, (logits - highest[groups, None]).exp().sum(1))
    tiny = torch.finfo(logits.dtype).tiny
    return logits - (highest + sums.clamp(min=tiny).log())[groups, None]


def span_loss(
    start: torch.Tensor,
    end: torch.Tensor,
    spans: torch.Tensor,
    groups: torch.Tensor,
    questions: int,
) -> torch.Tensor:
    """Return the mean negative log marginal likelihood of the gold spans (DPR, section 5).

    Args:
        start: shared-normalised start log-probabilities, (rows, length).
        end: the same for ends.
        spans: gold spans, int64 of shape (spans, 3): row, start, end (inclusive).
        groups: (rows,), the question of each row.
        questions: how many questions there are; those without a gold span do not count.
    """
    import torch

    if not len(spans):
        return start.new_zeros(())
    scores = start[spans[:, 0], spans[:, 1]] + end[spans[:, 0], spans[:, 2]]
    owner = groups[spans[:, 0]]
    highest = torch.full((questions,), -torch.inf, device=scores.device, dtype=scores.dtype)
    highest = highest.scatter_reduce(0, owner, scores.detach(), "amax")
    # No indexing by masks from here on: its size would have to be waited for on a GPU.
    answered = highest > -torch.inf
    highest = torch.where(answered, highest, 0.0)
    sums = torch.zeros_like(highest).index_add(0, owner, (scores - highest[owner]).exp())
    logs = highest + torch.where(answered, sums, 1.0).log()
    return -logs.sum() / answered.sum()


def distillation_loss(
    start: torch.Tensor,
    end: torch.Tensor,
    teacher: tuple[torch.Tensor, torch.Tensor],
    answered: torch.Tensor,
    groups: torch.Tensor,
) -> torch.Tensor:
    """Return the mean cross-entropy of starts and ends with a teacher's distributions.

    Soft targets (Hinton et al. 2015), over all passages of a question. What the teacher says of
    a question without an answer is not learnt: no token of it is right.

    Args:
        start: shared-normalised start log-probabilities, (rows, length).
        end: the same for ends.
        teacher: the teacher's probabilities of starts and ends, of the same shape.
        answered: (questions,), true where there is an answer.
        groups: (rows,), the question of each row.
    """
    weights = answered.to(start.dtype)
    total = start.new_zeros(())
    for own, wanted in zip((start, end), teacher, strict=True):
        # Where no answer may stand both are zero: 0 log 0 is 0.
        terms = wanted * own.masked_fill(own.isinf(), 0.0)
        total = total - (terms.sum(1) * weights[groups]).sum()
    return total / weights.sum().clamp(min=1.0)


def relevance_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean binary cross-entropy of "the answer is in this passage", over rows."""
    import torch

    return torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
