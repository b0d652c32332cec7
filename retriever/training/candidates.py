"""Questions with the passages found for them, and the loss that tells the right ones apart.

Query-side fine-tuning (Lee et al. 2021, "Learning Dense Representations of Phrases at Scale",
section 6): of the passages found for a question, those with an answer shall together get the
probability, as the marginal likelihood over all of them. The vectors of passages stay. Where the
vectors are to be fused with BM25, its scores are added to theirs, so that the vectors learn what
BM25 does not know (Gao et al. 2021, "Complement Lexical Retrieval Model with Semantic Residual
Embeddings", section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from encoder.training.state import rate_at
from indexing.progress import Progress
from retriever.training.settings import AdapterTraining

if TYPE_CHECKING:
    import torch

Passages = Callable[[NDArray[np.int64]], NDArray[np.float32]]
_LEXICAL_RATE = 0.01


@dataclass(frozen=True, slots=True)
class Candidates:
    """Questions, and the passages found for each.

    `texts` are the questions, `vectors` theirs by the encoder, (questions, dimension). `ids`,
    `right` and `lexical` have the shape (questions, depth); an id of -1 stands for no passage.
    `lexical` is BM25's score, stretched to 0..1 over its list, 0 for what is not in it.
    """

    texts: Sequence[str]
    vectors: NDArray[np.float32]
    ids: NDArray[np.int64]
    right: NDArray[np.bool_]
    lexical: NDArray[np.float32]

    def telling(self) -> Candidates:
        """Return the questions that have both: a passage with an answer, and one without."""
        wrong = (self.ids >= 0) & ~self.right
        chosen = np.flatnonzero(self.right.any(axis=1) & wrong.any(axis=1))
        return Candidates(
            [self.texts[number] for number in chosen.tolist()],
            self.vectors[chosen],
            self.ids[chosen],
            self.right[chosen],
            self.lexical[chosen],
        )


def fit(
    candidates: Candidates,
    passages: Passages,
    vectors: Callable[[NDArray[np.int64]], torch.Tensor],
    groups: Sequence[dict[str, Any]],
    settings: AdapterTraining,
    progress: Progress,
) -> None:
    """Train what makes the vectors of questions.

    Args:
        candidates: at least one question that is `telling`; the others teach nothing.
        passages: returns the vectors of passages by their ids, (ids, dimension).
        vectors: returns the vectors of questions by their numbers, (numbers, dimension).
        groups: the parameters behind `vectors` as AdamW takes them, each group with its rate.
        settings: how to train. `lexical` is what BM25's scores weigh at first; they learn, too.
        progress: is told of the questions seen.
    """
    import torch

    lexical = torch.tensor(settings.lexical, requires_grad=True)
    weighed = {"params": [lexical], "lr": _LEXICAL_RATE, "weight_decay": 0.0}
    parts = [*groups, weighed] if settings.lexical else list(groups)
    optimizer = torch.optim.AdamW(parts, weight_decay=settings.weight_decay)
    peaks = [group["lr"] for group in optimizer.param_groups]
    trained = [parameter for group in groups for parameter in group["params"]]
    batches = list(_batches(len(candidates.texts), settings))
    total = len(candidates.texts) * settings.epochs
    with progress.stage("training", total, "questions") as advance:
        for step, chosen in enumerate(batches):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * rate_at(step, len(batches), settings.warmup)
            asked = vectors(chosen)
            ids, right, words = (
                torch.from_numpy(values[chosen]).to(asked.device)
                for values in (candidates.ids, candidates.right, candidates.lexical)
            )
            places = np.maximum(candidates.ids[chosen], 0)
            found = torch.from_numpy(passages(places.ravel()).reshape(*places.shape, -1))
            scores = torch.einsum("qd,qpd->qp", asked, found.to(asked.device))
            scores = scores / settings.temperature + lexical.to(asked.device) * words
            marginal_loss(scores, right, ids >= 0).backward()
            torch.nn.utils.clip_grad_norm_(trained, settings.clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            advance(len(chosen))


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
