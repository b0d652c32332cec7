"""Two saved runs on the same questions, by paired bootstrap (Koehn 2004)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from indexing.errors import InputError
from pipelines.open_records import UNANSWERABLE
from pipelines.run_files import read_saved
from pipelines.scores import RECALL_AT
from pipelines.statistics import Interval, paired_bootstrap

Record = Mapping[str, Any]


class Difference(TypedDict):
    """Both runs' means, and how much greater the second's is.

    `p_value` is two-sided (see `pipelines.statistics.PairedDifference`).
    """

    first: float
    second: float
    difference: float
    ci95: Interval
    p_value: float
    n: int


class Comparison(TypedDict):
    """What two runs have in common, and how they differ there.

    `n` questions are in both runs; `only_first` and `only_second` count those that are not.
    Open questions that nothing answers are left out. `better` and `worse` are the ids of the
    questions whose exact match (for retrieval: whose rank) is better or worse in the second.
    """

    first: str
    second: str
    n: int
    only_first: int
    only_second: int
    scores: dict[str, Difference]
    better: list[str]
    worse: list[str]


def compare_runs(first: Path, second: Path) -> Comparison:
    """Compare the runs in two report folders over the questions that both have.

    Exact match, F1 and recall are in per cent, MRR a fraction, as far as both runs have them.

    Raises:
        InputError: a folder holds no run, the runs share no question or no score, or an id stands
            for different questions.
    """
    (one, own), (two, others) = read_saved(first), read_saved(second)
    shared = [id_ for id_ in one if id_ in two]
    common = [id_ for id_ in shared if one[id_].get("fault") != UNANSWERABLE]
    if not common:
        raise InputError(f"{first} and {second} have no question in common.")
    for id_ in common:
        if one[id_].get("question") != two[id_].get("question"):
            raise InputError(
                f"{first} and {second}: {id_!r} is not the same question in both; compare runs on "
                "one question file."
            )
    depth = min(_depth(own), _depth(others))
    scores: dict[str, Difference] = {}
    columns = [_columns([run[id_] for id_ in common], depth) for run in (one, two)]
    for name in columns[0]:
        if name in columns[1]:
            scores[name] = _difference(columns[0][name], columns[1][name])
    if not scores:
        raise InputError(f"{first} and {second} have no score in common.")
    decisive = "exact_match" if "exact_match" in scores else "mrr"
    changes = list(zip(common, columns[0][decisive], columns[1][decisive], strict=True))
    return {
        "first": str(first),
        "second": str(second),
        "n": len(common),
        "only_first": len(one) - len(shared),
        "only_second": len(two) - len(shared),
        "scores": scores,
        "better": [id_ for id_, before, after in changes if after > before],
        "worse": [id_ for id_, before, after in changes if after < before],
    }


def _depth(settings: Mapping[str, Any]) -> int:
    return max(settings.get("k") or RECALL_AT)


def _columns(records: Sequence[Record], depth: int) -> dict[str, list[float]]:
    """Return a value per question for each score that all records have."""
    columns: dict[str, list[float]] = {}
    for name in ("exact_match", "f1"):
        if all(record.get(name) is not None for record in records):
            columns[name] = [100.0 * record[name] for record in records]
    for field, prefix in (("rank", ""), ("gold_rank", "gold ")):
        if all(field in record for record in records):
            ranks = [record[field] for record in records]
            for k in (k for k in RECALL_AT if k <= depth):
                columns[f"{prefix}recall@{k}"] = [100.0 * (0 < rank <= k) for rank in ranks]
            columns[f"{prefix}mrr"] = [1 / r if 0 < r <= depth else 0.0 for r in ranks]
    return columns


def _difference(first: Sequence[float], second: Sequence[float]) -> Difference:
    found = paired_bootstrap(second, first)
    return {
        "first": sum(first) / len(first),
        "second": sum(second) / len(second),
        "difference": found.difference,
        "ci95": (found.low, found.high),
        "p_value": found.p_value,
        "n": len(first),
    }
