"""The heads of pretraining and their losses, in torch.

Losses are sums over targets, so that several batches and processes can share one mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

POSITION_WIDTH = 200
"""The width of the relative position embeddings (Joshi et al. 2020)."""


def boundary_head(hidden: int, positions: int, epsilon: float) -> torch.nn.Module:
    """Return the head of the span boundary objective (Joshi et al. 2020, section 3.2).

    `y_i = f(x_{s-1}, x_{e+1}, p_{i-s+1})`, where f is two feed-forward layers, each with GeLU
    and layer norm: `h1 = LN(GeLU(W1 h0)); y = LN(GeLU(W2 h1))`. What `y_i` predicts is read off
    the tied output embeddings, by the caller. Its forward takes the states of both boundary
    pieces, (targets, hidden) each, and offsets in the span, int64 (targets,), from 0; it returns
    (targets, hidden).
    """
    import torch

    class BoundaryHead(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.positions = torch.nn.Embedding(positions, POSITION_WIDTH)
            self.first = torch.nn.Linear(2 * hidden + POSITION_WIDTH, hidden)
            self.first_norm = torch.nn.LayerNorm(hidden, eps=epsilon)
            self.second = torch.nn.Linear(hidden, hidden)
            self.second_norm = torch.nn.LayerNorm(hidden, eps=epsilon)
            for weight in (self.positions.weight, self.first.weight, self.second.weight):
                torch.nn.init.normal_(weight, std=0.02)
            for layer in (self.first, self.second):
                torch.nn.init.zeros_(layer.bias)

        def forward(
            self, left: torch.Tensor, right: torch.Tensor, offsets: torch.Tensor
        ) -> torch.Tensor:
            gelu = torch.nn.functional.gelu
            joined = torch.cat([left, right, self.positions(offsets)], dim=-1)
            state: torch.Tensor = self.first_norm(gelu(self.first(joined)))
            state = self.second_norm(gelu(self.second(state)))
            return state

    return BoundaryHead()


def selection_head(hidden: int) -> torch.nn.Module:
    """Return the question-aware span selection head (Ram et al. 2021, section 4).

    The score of piece i as the start of the answer of question q is `x_i S x_q`, as its end
    `x_i E x_q`. Its forward takes states (rows, length, hidden), the rows of questions
    (questions,) and their positions (questions,), and returns start and end scores,
    (questions, length) each.
    """
    import torch

    class SelectionHead(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.start = torch.nn.Linear(hidden, hidden, bias=False)
            self.end = torch.nn.Linear(hidden, hidden, bias=False)
            for layer in (self.start, self.end):
                torch.nn.init.normal_(layer.weight, std=0.02)

        def forward(
            self, states: torch.Tensor, rows: torch.Tensor, positions: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            questions = states[rows, positions]
            passages = states[rows]
            start = torch.einsum("qh,qlh->ql", self.start(questions), passages)
            end = torch.einsum("qh,qlh->ql", self.end(questions), passages)
            return start, end

    return SelectionHead()


def selection_loss(
    start: torch.Tensor, end: torch.Tensor, questions: torch.Tensor, allowed: torch.Tensor
) -> torch.Tensor:
    """Return the sum over questions of the cross-entropies of start and end.

    Args:
        start: scores, (questions, length).
        end: the same for ends.
        questions: int64 (questions, 4): row, position, first and last piece of the answer.
        allowed: (questions, length), false at padding.
    """
    import torch

    parts = [
        torch.nn.functional.cross_entropy(
            scores.float().masked_fill(~allowed, -torch.inf), answers, reduction="sum"
        )
        for scores, answers in ((start, questions[:, 2]), (end, questions[:, 3]))
    ]
    return parts[0] + parts[1]
