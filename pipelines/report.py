"""The page of each kind of evaluation: what stands on it, from the result and the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipelines.categories import by_category
from pipelines.report_charts import Series, depth_chart, reliability_chart, risk_chart
from pipelines.report_page import Bar, Card, Page, Tile, bars, category_table, write_page
from pipelines.report_questions import question_list
from pipelines.selective import reliability_bins, risk_coverage

if TYPE_CHECKING:
    from pipelines.evaluate_open import OpenResult
    from pipelines.evaluate_reading import ReadingResult
    from pipelines.evaluate_reading_sets import ReadingSetsResult
    from pipelines.evaluate_retrieval import RetrievalResult
    from pipelines.statistics import Interval, Latency

FILE = "report.html"
Record = Mapping[str, Any]
Facts = Mapping[str, Any]

_FAULTS = {
    "gold": "gold answers: a form of a right answer that the list lacks, or cut wider or narrower",
    "retrieval": "retrieval: no passage found holds a right answer",
    "depth": "depth: the passage was found below those that were read",
    "ranking": "ranking: the passage was read, the answer came from another",
    "span": "span: right passage, wrong span",
}


def write_open_report(
    folder: Path, result: OpenResult, records: Sequence[Record], facts: Facts, *, patterns: bool
) -> None:
    """Write the page of an open evaluation into a folder that is there."""
    probabilities = [record["probability"] or 0.0 for record in records]
    right = [record["exact_match"] for record in records]
    selective = result["selective"]
    risks = risk_coverage(probabilities, right).tolist()
    cards = [_recall_card(result["recall"], result["ci95"]["recall"])]
    if swept := result.get("by_depth"):
        points = [(float(k), own["exact_match"]) for k, own in swept.items()]
        band = [own["ci95"]["exact_match"] for own in swept.values()]
        chart = depth_chart("Exact match by passages read", "exact match (%)", Series(points, band))
        cards.append(Card("Exact match by passages read", chart, "Each passage was read once."))
    cards += [
        Card(
            "Answering only when sure",
            risk_chart(risks, selective.get("coverage")),
            f"Area under the curve {selective['aurc']:.3f} "
            f"({_between(selective['ci95']['aurc'], 3)}); less is better.",
        ),
        Card(
            "Is the probability true?",
            reliability_chart(reliability_bins(probabilities, right)),
            f"Expected calibration error {selective['ece']:.3f} "
            f"({_between(selective['ci95']['ece'], 3)}); true probabilities would show "
            f"{selective['floor']:.3f} with so few questions.",
        ),
        Card(
            "What was at fault",
            bars(_fault_bars(result), 100),
            "Per cent of all questions, with 95 % intervals. "
            + " ".join(f"{text[0].upper()}{text[1:]}." for text in _FAULTS.values()),
        ),
        _latency_card(result["latency_ms"], result["stage_ms"]),
        Card(
            "Exact match by category",
            category_table(result["categories"], "exact match (%)"),
            wide=True,
        ),
    ]
    page = Page(
        "Open questions",
        _facts(facts, len(records)),
        _open_tiles(result),
        cards,
        question_list(records, patterns=patterns),
    )
    write_page(folder / FILE, page)


def _open_tiles(result: OpenResult) -> list[Tile]:
    n, ci95 = f"n {result['n']:,}", result["ci95"]
    tops, recall = result["top_exact_match"], result["recall"]
    deepest = "20" if "20" in recall else list(recall)[-1]
    last = list(tops)[-1]
    tiles = [Tile("Exact match", _one(result["exact_match"]), _between(ci95["exact_match"]), n)]
    if result["f1"] is not None and ci95["f1"] is not None:
        tiles.append(Tile("F1", _one(result["f1"]), _between(ci95["f1"]), n))
    tiles += [
        Tile(
            f"Right among {last} answers",
            _one(tops[last]),
            _between(ci95["top_exact_match"][last]),
            n,
        ),
        Tile(f"Recall@{deepest}", _one(recall[deepest]), _between(ci95["recall"][deepest]), n),
    ]
    selective = result["selective"]
    if "exact_match" in selective:
        tiles.append(
            Tile(
                "Right where answered",
                _one(selective["exact_match"]),
                _between(selective["ci95"]["exact_match"]),
                f"{_one(selective['coverage'])} % answered at {selective['threshold']:g} or more",
            )
        )
    if (nothing := result.get("no_answer")) and "abstained" in nothing:
        tiles.append(
            Tile(
                "Rightly unanswered",
                _one(nothing["abstained"]),
                _between(nothing["ci95"]["abstained"]),
                f"n {nothing['n']:,}, of those that nothing answers",
            )
        )
    return [*tiles, _latency_tile(result["latency_ms"])]


def _fault_bars(result: OpenResult) -> list[Bar]:
    errors = result["errors"]
    return [
        Bar(name, share, _one(share), errors["ci95"]["share"][name])
        for name, share in errors["share"].items()
    ]


def write_retrieval_report(
    folder: Path,
    result: RetrievalResult,
    records: Sequence[Record],
    facts: Facts,
    *,
    patterns: bool,
) -> None:
    """Write the page of a retrieval evaluation into a folder that is there."""
    recall, ci95 = result["recall"], result["ci95"]
    n = f"n {result['n']:,}"
    tiles = [
        Tile(f"Recall@{k}", _one(value), _between(ci95["recall"][k]), n)
        for k, value in recall.items()
    ]
    tiles.append(Tile("MRR", f"{result['mrr']:.3f}", _between(ci95["mrr"], 3), n))
    cards = [_recall_card(recall, ci95["recall"])]
    if gold := result.get("gold"):
        of, own = gold["unit"], gold["ci95"]
        judged = f"n {gold['n']:,}"
        tiles.append(Tile(f"MRR of {of}", f"{gold['mrr']:.3f}", _between(own["mrr"], 3), judged))
        tiles += [
            Tile(f"nDCG@{k} of {of}", f"{value:.3f}", _between(own["ndcg"][k], 3), judged)
            for k, value in gold["ndcg"].items()
        ]
        cards.append(
            Card(
                f"Right {of}",
                depth_chart("By judgements", "found (%)", _series(gold["success"], own["success"])),
                "How often one of the first k is judged right.",
            )
        )
    tiles.append(_latency_tile(result["latency_ms"]))
    deepest = "20" if "20" in recall else list(recall)[-1]
    found = [
        {
            "category": record["category"],
            "exact_match": float(0 < record["rank"] <= int(deepest)),
            "f1": None,
        }
        for record in records
        if record["answers"]
    ]
    measure = f"recall@{deepest} (%)"
    cards.append(Card("By category", category_table(by_category(found), measure), wide=True))
    page = Page(
        "Retrieval",
        _facts(facts, len(records)),
        tiles,
        cards,
        question_list(records, patterns=patterns),
    )
    write_page(folder / FILE, page)


def write_reading_page(
    folder: Path, result: ReadingResult, records: Sequence[Record], facts: Facts
) -> None:
    """Write the page of a reading evaluation into a folder that is there."""
    tiles = []
    for label, part in (
        ("", result),
        ("answerable: ", result.get("has_answer")),
        ("unanswerable: ", result.get("no_answer")),
    ):
        if part is None or part["f1"] is None or part["ci95"]["f1"] is None:
            continue
        n = f"n {part['n']:,}"
        tiles += [
            Tile(
                f"{label}exact match".capitalize(),
                _one(part["exact_match"]),
                _between(part["ci95"]["exact_match"]),
                n,
            ),
            Tile(f"{label}F1", _one(part["f1"]), _between(part["ci95"]["f1"]), n),
        ]
    tiles.append(Tile("Contexts read a second", f"{result['passages_per_second']:.0f}"))
    cards = [
        Card(
            "Exact match by category",
            category_table(result["categories"], "exact match (%)"),
            wide=True,
        )
    ]
    shown = _facts({"definition": f"SQuAD {result['version']}", **facts}, len(records))
    write_page(folder / FILE, Page("Reading", shown, tiles, cards, question_list(records)))


def write_sets_page(folder: Path, result: ReadingSetsResult, facts: Facts) -> None:
    """Write the page over several sets, with links to theirs below the folder."""
    macro = result["macro"]
    tiles = [
        Tile(
            f"Macro {label}",
            _one(value),
            _between(interval) if interval else "",
            f"{macro['sets']} sets, n {macro['n']:,}",
        )
        for label, value, interval in (
            ("exact match", macro["exact_match"], macro["ci95"]["exact_match"]),
            ("F1", macro["f1"], macro["ci95"]["f1"]),
        )
    ]
    cards = []
    for name, own in result["sets"].items():
        rows = [
            Bar(
                "exact match",
                own["exact_match"],
                _one(own["exact_match"]),
                own["ci95"]["exact_match"],
            )
        ]
        if own["f1"] is not None:
            rows.append(Bar("F1", own["f1"], _one(own["f1"]), own["ci95"]["f1"]))
        link = f'<p class=caption><a href="{quote(name)}/{FILE}">Its page</a></p>'
        cards.append(Card(f"{name} (n {own['n']:,})", bars(rows, 100) + link))
    write_page(folder / FILE, Page("Reading", _facts(facts, macro["n"]), tiles, cards))


def _recall_card(recall: Mapping[str, float], intervals: Mapping[str, Interval]) -> Card:
    return Card(
        "Recall",
        depth_chart("Recall by passages", "recall (%)", _series(recall, intervals)),
        "How often one of the first k passages holds a right answer; shaded: 95 % interval.",
    )


def _series(values: Mapping[str, float], intervals: Mapping[str, Interval]) -> Series:
    points = [(float(k), value) for k, value in values.items()]
    return Series(points, [intervals[k] for k in values])


def _latency_card(whole: Latency, stages: Mapping[str, Latency]) -> Card:
    most = whole["p95"]
    rows = [
        Bar(f"{name}, {quantile}", own[quantile], f"{own[quantile]:.0f} ms", own["ci95"][quantile])
        for name, own in [*stages.items(), ("total", whole)]
        for quantile in ("p50", "p95")
    ]
    return Card(
        "Time for one question",
        bars(rows, most),
        f"Milliseconds, {whole['n']} questions asked one by one; lines: 95 % interval. Reading "
        "includes ranking and citing.",
    )


def _latency_tile(latency: Latency) -> Tile:
    return Tile(
        "Time for one question",
        f"{latency['p50']:.0f} ms",
        f"p95 {latency['p95']:.0f} ms",
        f"n {latency['n']}",
    )


def _facts(facts: Facts, n: int) -> dict[str, str]:
    shown = {name: str(value) for name, value in facts.items() if value is not None}
    return {"questions": f"{n:,}", **shown}


def _one(value: float) -> str:
    return f"{value:.1f}"


def _between(interval: Interval, digits: int = 1) -> str:
    return f"{interval[0]:.{digits}f} to {interval[1]:.{digits}f}"
