"""What was wrong with the input: counted and kept for the summary, or raised when strict.

What else the summary should say of the input is kept, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from indexing.errors import InputError
from indexing.normalising import normalise


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that was skipped: where, why in words to count by, and any detail.

    `line` is 1-based. For rows of Parquet and Arrow files and hub data sets it is the row. In
    words it can be printed and stored as UTF-8, whatever bytes are in it.
    """

    source: str
    line: int | None
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        detail = f" ({self.detail})" if self.detail else ""
        return normalise(f"{place}: {self.reason}{detail}")


class Problems:
    """Counts problems by reason and keeps the first few of each reason for printing.

    With `strict`, the first problem is raised as an InputError. `remarks` are no problems: how
    the input was understood.
    """

    def __init__(self, *, strict: bool = False, keep: int = 5) -> None:
        self.strict = strict
        self._keep = keep
        self._counts: Counter[str] = Counter()
        self._kept: dict[str, list[Problem]] = {}
        self.remarks: list[str] = []

    def report(self, source: str, line: int | None, reason: str, detail: str = "") -> None:
        """Count something that had to be skipped; raise it when strict."""
        problem = Problem(source, line, reason, detail)
        if self.strict:
            raise InputError(f"{problem}. Mend it, or leave out --strict to skip it.")
        self._add(problem)

    def note(self, source: str, reason: str, detail: str = "") -> None:
        """Count something left out on purpose; never raised."""
        self._add(Problem(source, None, reason, detail))

    def _add(self, problem: Problem) -> None:
        self._counts[problem.reason] += 1
        kept = self._kept.setdefault(problem.reason, [])
        if len(kept) < self._keep:
            kept.append(problem)

    @property
    def total(self) -> int:
        """How many problems there were."""
        return self._counts.total()

    @property
    def counts(self) -> Mapping[str, int]:
        """How many problems of each reason, the most frequent first."""
        return dict(self._counts.most_common())

    @property
    def kept(self) -> list[Problem]:
        """The first few problems of each reason, in order of arrival within a reason."""
        return [problem for reason in self.counts for problem in self._kept[reason]]
