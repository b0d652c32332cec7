"""Results as tables for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.answers import AskResult, Citation
from retriever.hits import Hit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # C0 but tab and newline, DEL, C1
NO_ANSWER = "No answer found."
_TRIPLES = 5  # shown of a citation from a graph
_WINDOW = 220  # characters of a long sentence that are shown around the answer


def open_console() -> Console:
    """Return the console for results, which go to standard output."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def show_answers(console: Console, result: AskResult) -> None:
    """Print the answers with probability, source and highlighted sentence."""
    from rich.table import Table
    from rich.text import Text

    if not result.answers:
        console.print(NO_ANSWER)
        return
    table = Table(show_lines=True, expand=False)
    table.add_column("Answer", style="bold green", overflow="fold", max_width=30)
    table.add_column("Probability", justify="right")
    table.add_column("Where it stands", overflow="fold")
    for answer in result.answers:
        best = answer.citations[0]
        place = Text()
        place.append_text(highlighted(best))
        document = _safe(best.document_id)
        place.append(f"\n{_safe(best.title) or document}", style="bold")
        place.append(f"  [{document}: {best.start}-{best.end}]", style="dim")
        for triple in best.triples[:_TRIPLES]:
            place.append(f"\n({_safe(', '.join(triple))})", style="dim")
        if best.url:
            place.append(f"\n{_safe(best.url)}", style="dim")
        if len(answer.citations) > 1:
            others = dict.fromkeys(c.title or c.document_id for c in answer.citations[1:])
            place.append(f"\nalso in: {_safe(', '.join(others))}", style="dim")
        table.add_row(Text(_safe(answer.text)), f"{100 * answer.probability:.0f} %", place)
    console.print(table)


def highlighted(citation: Citation) -> Text:
    """Return the sentence with the answer in bold, a long sentence cut around it."""
    from rich.text import Text

    start = citation.start - citation.sentence_start
    end = citation.end - citation.sentence_start
    first, last = 0, len(citation.sentence)
    if last > 2 * _WINDOW:
        first, last = max(0, start - _WINDOW), min(last, end + _WINDOW)
    text = Text("…" if first else "")
    text.append(_flat(citation.sentence[first:start]))
    text.append(_flat(citation.sentence[start:end]), style="bold reverse")
    text.append(_flat(citation.sentence[end:last]))
    if last < len(citation.sentence):
        text.append("…")
    return text


def _flat(text: str) -> str:
    return _safe(text).replace("\n", " ")


def _safe(text: str) -> str:
    """Return a text without the signs that would command the terminal."""
    return _CONTROLS.sub("\ufffd", text)


def show_hits(console: Console, hits: tuple[Hit, ...] | list[Hit]) -> None:
    """Print retrieved passages with their scores and each component's rank."""
    from rich.table import Table
    from rich.text import Text

    if not hits:
        console.print("No passage found.")
        return
    table = Table(expand=False)
    for name in ("#", "Score", "Ranks", "Title", "Passage"):
        table.add_column(name, overflow="fold")
    for number, hit in enumerate(hits, start=1):
        ranks = ", ".join(f"{name} {part.rank}" for name, part in hit.components.items())
        start = _flat(hit.passage.text[:160])
        place = f"{_safe(hit.passage.document_id)}: {hit.passage.start}-{hit.passage.end}"
        passage = Text(start + "… ")
        passage.append(f"[{place}]", style="dim")
        if hit.duplicates:
            others = dict.fromkeys(other.document_id for other in hit.duplicates)
            passage.append(f"\nalso in: {_safe(', '.join(others))}", style="dim")
        title = Text(_safe(hit.passage.title))
        table.add_row(str(number), f"{hit.score:.4f}", ranks, title, passage)
    console.print(table)


def size(count: int) -> str:
    """Return bytes in words."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.2f} GB"
