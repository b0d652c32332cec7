"""The losses: the positive passage against the others, and a teacher's opinion of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Losses:
    """The loss to go down, its parts, and the share of questions whose positive comes first."""

    total: torch.Tensor
    ranking: torch.Tensor
    distil: torch.Tensor
    accuracy: torch.Tensor


def ranking_loss(
    scores: torch.Tensor, target: torch.Tensor, allowed: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return multiple negatives ranking loss (Henderson et al. 2017, section 4.4) and accuracy.

    Args:
        scores: of questions and passages, (questions, passages), divided by the temperature.
        target: the column of each question's positive passage, (questions,).
        allowed: which passages stand in a question's denominator, (questions, passages).
    """
    import torch

    scores = scores.masked_fill(~allowed, float("-inf"))
    loss = torch.nn.functional.cross_entropy(scores, target)
    return loss, (scores.argmax(1) == target).float().mean()


def distil_loss(scores: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Return the mean of KL(teacher || encoder) over each question's own passages.

    Both are (questions, passages); the teacher's scores are -inf for passages of others.
    """
    own = teacher.isfinite()
    wanted = teacher.log_softmax(1)
    given = scores.masked_fill(~own, float("-inf")).log_softmax(1)
    apart = (wanted - given).masked_fill(~own, 0.0)
    return (wanted.exp() * apart).sum(1).mean()


def losses(
    vectors: torch.Tensor,
    target: torch.Tensor,
    allowed: torch.Tensor,
    teacher: torch.Tensor | None,
    temperature: float,
    distil: float,
) -> Losses:
    """Return the losses of the vectors of a batch: its questions, then its passages."""
    questions = len(target)
    scores = vectors[:questions] @ vectors[questions:].T / temperature
    ranking, accuracy = ranking_loss(scores, target, allowed)
    told = ranking.new_zeros(()) if teacher is None else distil_loss(scores, teacher)
    return Losses(ranking + distil * told, ranking.detach(), told.detach(), accuracy.detach())
