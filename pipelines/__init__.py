"""What a user calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.ask import QuestionAnswering

__all__ = ["QuestionAnswering"]


def __getattr__(name: str) -> Any:
    """Load `QuestionAnswering` on first use, so that importing the package stays light."""
    if name == "QuestionAnswering":
        from pipelines.ask import QuestionAnswering

        return QuestionAnswering
    raise AttributeError(name)
