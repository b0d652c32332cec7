from __future__ import annotations

import pytest

from indexing.errors import InputError
from indexing.problems import Problem, Problems


def test_problems_are_counted_by_reason_and_the_first_are_kept():
    problems = Problems(keep=2)
    for line in range(1, 5):
        problems.report("a.jsonl", line, "malformed JSON", "why")
    problems.report("b.pdf", None, "unreadable PDF")
    assert problems.counts == {"malformed JSON": 4, "unreadable PDF": 1}
    assert problems.total == 5
    assert problems.kept == [
        Problem("a.jsonl", 1, "malformed JSON", "why"),
        Problem("a.jsonl", 2, "malformed JSON", "why"),
        Problem("b.pdf", None, "unreadable PDF"),
    ]
    assert [str(problem) for problem in problems.kept[1:]] == [
        "a.jsonl:2: malformed JSON (why)",
        "b.pdf: unreadable PDF",
    ]


def test_strict_raises_what_was_skipped_but_not_what_was_left_out():
    problems = Problems(strict=True)
    problems.note("a.png", "file of unknown type")
    with pytest.raises(InputError, match=r"^a\.jsonl:3: empty text\. .*--strict"):
        problems.report("a.jsonl", 3, "empty text")
