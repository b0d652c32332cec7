"""Trains an adapter of questions on what an index finds for them.

Query-side fine-tuning (Lee et al. 2021, "Learning Dense Representations of Phrases at Scale",
section 6): of the passages found for a question, those with an answer shall together get the
probability, as the marginal likelihood over all of them. The vectors of passages stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from encoder.question_adapter import QuestionAdapter
from encoder.training.state import rate_at
from indexing.progress import Progress
from retriever.training.settings import AdapterTraining

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Candidates:
    """Questions' vectors, (questions, dimension), and the passages found for each.

    `ids` and `right` have the shape (questions, depth); an id of -1 stands for no passage.
    """

    vectors: NDArray[np.float32]
    ids: NDArray[np.int64]
    right: NDArray[np.bool_]

    def rows(self, chosen: NDArray[np.int64]) -> Candidates:
        """Return some of the questions."""
        return Candidates(self.vectors[chosen], self.ids[chosen], self.right[chosen])

    def telling(self) -> Candidates:
        """Return the questions that have both: a passage with an answer, and one without."""
        wrong = (self.ids >= 0) & ~self.right
        return self.rows(np.flatnonzero(self.right.any(axis=1) & wrong.any(axis=1)))


def train_adapter(
    candidates: Candidates,
    passages: Callable[[NDArray[np.int64]], NDArray[np.float32]],
    start: QuestionAdapter,
    settings: AdapterTraining,
    progress: Progress,
) -> QuestionAdapter:
    """Train an adapter, going on from another.

    Args:
        candidates: at least one question that is `telling`; the others teach nothing.
        passages: returns the vectors of passages by their ids, (ids, dimension).
        start: what to go on from.
        settings: how to train.
        progress: is told of the questions seen.
    """
    import torch

    weight = torch.tensor(start.weight, requires_grad=True)
    bias = torch.tensor(start.bias, requires_grad=True)
    parts = [weight, bias]
    optimizer = torch.optim.AdamW(
        parts, lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    batches = list(_batches(len(candidates.vectors), settings))
    total = len(candidates.vectors) * settings.epochs
    with progress.stage("training", total, "questions") as advance:
        for step, chosen in enumerate(batches):
            for group in optimizer.param_groups:
                share = rate_at(step, len(batches), settings.warmup)
                group["lr"] = settings.learning_rate * share
            batch = candidates.rows(chosen)
            found = passages(np.maximum(batch.ids, 0).ravel()).reshape(*batch.ids.shape, -1)
            asked = torch.from_numpy(batch.vectors)
            moved = torch.nn.functional.normalize(asked + asked @ weight + bias, dim=1)
            lengths = asked.norm(dim=1, keepdim=True)
            scores = torch.einsum("qd,qpd->qp", moved * lengths, torch.from_numpy(found))
            marginal_loss(
                scores / settings.temperature,
                torch.from_numpy(batch.right),
                torch.from_numpy(batch.ids >= 0),
            ).backward()
            torch.nn.utils.clip_grad_norm_(parts, settings.clip)
            optimizer.step()
            optimizer.zero_grad()
            advance(len(chosen))
    learnt = QuestionAdapter(weight.detach().numpy(), bias.detach().numpy())
    return start.towards(learnt, settings.strength)


def marginal_loss(scores: torch.Tensor, right: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """Return the mean of -log of the probability that the right passages have together.

    All three have the shape (questions, passages); each question has a passage that is right.
    """
    scores = scores.masked_fill(~there, float("-inf"))
    wanted = scores.masked_fill(~right, float("-inf"))
    return (scores.logsumexp(1) - wanted.logsumexp(1)).mean()


def _batches(questions: int, settings: AdapterTraining) -> Iterator[NDArray[np.int64]]:
    rng = np.random.default_rng(settings.seed)
    for _ in range(settings.epochs):
        order = rng.permutation(questions)
        yield from (order[i : i + settings.batch] for i in range(0, questions, settings.batch))
