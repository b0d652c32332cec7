"""A report as one HTML page that needs nothing else: styles, charts, data and script are in it.

All text from data goes through `html.escape`, or as JSON without `<` to a script that only sets
`textContent`. The page's security policy forbids every connection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from pipelines.run_files import write_text
from pipelines.scores import AnswerScores
from pipelines.statistics import Interval

_ASSETS = Path(__file__).parent / "report_assets"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Tile:
    """A headline number with what it is, its interval, and a note such as its n."""

    label: str
    value: str
    interval: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A chart or table: `body` is HTML, `caption` plain text."""

    title: str
    body: str
    caption: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a bar chart: `value` and its interval on the scale 0 to `most` of all rows."""

    label: str
    value: float
    text: str
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on one page; `questions` is what `pipelines.report_questions` returns."""

    title: str
    facts: Mapping[str, str]
    tiles: Sequence[Tile]
    cards: Sequence[Card]
    questions: Mapping[str, Any] | None = None


def write_page(path: Path, page: Page) -> None:
    """Write the page.

    Raises:
        QAError: the file cannot be written.
    """
    write_text(path, render(page))


def render(page: Page) -> str:
    """Return the page as HTML."""
    facts = "".join(
        f"<div><dt>{escape(name)}</dt><dd><bdi>{escape(value)}</bdi></dd></div>"
        for name, value in page.facts.items()
    )
    body = [
        f"<header><h1><bdi>{escape(page.title)}</bdi></h1><dl class=facts>{facts}</dl></header>",
        f"<section class=tiles>{''.join(map(_tile, page.tiles))}</section>",
        f"<section class=cards>{''.join(map(_card, page.cards))}</section>",
    ]
    if page.questions is not None:
        body.append(_question_list(page.questions))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(page.title)}</title><style>{_asset('page.css')}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def bars(rows: Sequence[Bar], most: float) -> str:
    """Return horizontal bars; `most` is the value of a full one."""

    def share(value: float) -> str:
        return f"{100 * min(1.0, max(0.0, value / most)) if most else 0:.2f}%"

    parts = []
    for row in rows:
        whisker = ""
        if row.interval is not None:
            low, high = row.interval
            width = f"{100 * max(0.0, min(high, most) - low) / most if most else 0:.2f}%"
            whisker = f'<i class=whisker style="left:{share(low)};width:{width}"></i>'
        parts.append(
            f"<div class=bar><span><bdi>{escape(row.label)}</bdi></span><span class=track>"
            f'<i class=fill style="width:{share(row.value)}"></i>{whisker}</span>'
            f"<span class=number>{escape(row.text)}</span></div>"
        )
    return f"<div class=bars>{''.join(parts)}</div>"


def category_table(groups: Mapping[str, Mapping[str, AnswerScores]], measure: str) -> str:
    """Return one group of bars for each group of categories, with n beside the names."""
    return (
        "<div class=groups>"
        + "".join(
            f"<div><h3>{escape(group)}</h3>{bars(_category_bars(parts), 100)}</div>"
            for group, parts in groups.items()
        )
        + f"</div><p class=legend>Bars: {escape(measure)}; lines: 95 % interval.</p>"
    )


def _category_bars(parts: Mapping[str, AnswerScores]) -> list[Bar]:
    return [
        Bar(
            f"{name} ({own['n']:,})",
            own["exact_match"],
            f"{own['exact_match']:.1f}",
            own["ci95"]["exact_match"],
        )
        for name, own in parts.items()
    ]


def _tile(tile: Tile) -> str:
    parts = (f"<span>{escape(part)}</span>" for part in (tile.interval, tile.note) if part)
    below = " · ".join(parts)
    return (
        f"<div class=tile><span class=label>{escape(tile.label)}</span>"
        f"<strong>{escape(tile.value)}</strong><small>{below}</small></div>"
    )


def _card(card: Card) -> str:
    caption = f"<p class=caption>{escape(card.caption)}</p>" if card.caption else ""
    wide = " wide" if card.wide else ""
    return (
        f'<article class="card{wide}"><h2>{escape(card.title)}</h2>{card.body}{caption}</article>'
    )


def _question_list(questions: Mapping[str, Any]) -> str:
    # "<" could end the script element; the separators U+2028 and U+2029 are safe in JSON data.
    data = json.dumps(questions, ensure_ascii=False).replace("<", "\\u003c")
    listed, total = len(questions["questions"]), questions["total"]
    only = f" {listed:,} of {total:,} are listed, evenly spaced." if listed < total else ""
    return (
        f"<section id=questions><h2>Questions</h2><p class=caption>Marked in the passages: "
        f"<mark class=m1>the answer given</mark>, <mark class=m2>a right answer</mark>, "
        f"<mark class=m3>both</mark>.{only}</p>"
        "<noscript><p>The list of questions needs JavaScript.</p></noscript>"
        f"<div id=filters></div><p id=count aria-live=polite></p><div id=list></div>"
        f"<button id=more type=button hidden>Show more</button>"
        f"<script type=application/json id=data>{data}</script>"
        f"<script>{_asset('page.js')}</script></section>"
    )


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
