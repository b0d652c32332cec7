from __future__ import annotations

import io

from rich.console import Console

from pipelines.evaluation_table import Row, result_rows, show_comparison, show_result
from pipelines.scores import answer_scores

RESULT = {
    "exact_match": 41.0,
    "recall": {"1": 30.0, "5": 60.0},
    "n": 50,
    "ci95": {"exact_match": (30.0, 52.0), "recall": {"1": (20.0, 40.0), "5": (50.0, 70.0)}},
    "answerable": answer_scores([1, 0], None),
    "latency_ms": {"p50": 12.0, "n": 9, "ci95": {"p50": (11.0, 13.0)}},
    "speed": None,
    "categories": {"kind": {"who": answer_scores([1, 1], [1, 1])}},
}


def printed(show, value):
    console = Console(file=io.StringIO(), width=100)
    show(console, value)
    return console.file.getvalue()


def test_each_score_finds_its_interval_and_its_n():
    rows = {row.name: row for row in result_rows(RESULT)}
    assert rows["recall.5"] == Row("recall.5", 60.0, (50.0, 70.0), 50)
    assert rows["answerable.exact_match"].n == 2
    assert rows["latency_ms.p50"] == Row("latency_ms.p50", 12.0, (11.0, 13.0), 9)
    assert not {"speed", "answerable.f1", "n"} & set(rows)
    assert not any(name.startswith("categories") for name in rows)


def test_tables_name_everything():
    text = printed(show_result, RESULT)
    assert "41.00" in text
    assert "30.00 to 52.00" in text
    assert "By kind" in text
    assert "who" in text


def test_comparison_shows_names_as_they_are():
    score = {
        "first": 40.0, "second": 42.5, "difference": 2.5, "ci95": (-1.0, 6.0), "p_value": 0.2,
        "n": 10,
    }  # fmt: skip
    text = printed(
        show_comparison,
        {
            "first": "[bold]a", "second": "b", "n": 10, "only_first": 1, "only_second": 2,
            "scores": {"exact_match": score}, "better": ["1"], "worse": [],
        },
    )  # fmt: skip
    assert "[bold]a" in text
    assert "+2.50" in text
    assert "3 questions in one run only" in text
