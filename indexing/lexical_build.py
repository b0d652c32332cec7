"""Builds the BM25 index: words counted run by run, then the sorted runs merged.

Runs are counted by all cores at once and kept on the disk, so that a build that was killed
counts only what is left. Neither step holds the corpus in memory, nor its vocabulary: what grows
with the corpus is a few bytes for each passage and for each distinct word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from encoder.cpu import threads
from indexing.lexical import LexicalSettings
from indexing.lexical_merge import merge
from indexing.lexical_runs import Run, write_run
from indexing.passage_store import PassageStore

_PART = 20_000  # passages: about a second of work, some tens of megabytes


def build_lexical(
    passages: PassageStore,
    settings: LexicalSettings,
    work: Path,
    out: Path,
    advance: Callable[[int], None],
) -> None:
    """Write bm25s' files for all passages to `out`; `work` keeps what a restart can use."""
    work.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    waiting: list[tuple[Future[None], int]] = []
    workers = threads()
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, len(passages), _PART):
            last = min(first + _PART, len(passages))
            path = work / f"{first:010d}.run"
            paths.append(path)
            if path.exists():
                advance(last - first)
                continue
            texts = _texts(passages, first, last, settings)
            waiting.append((pool.submit(write_run, texts, settings.words, path), last - first))
        for task, count in waiting:
            task.result()
            advance(count)
    merge([Run(path) for path in paths], settings, work, out)


def _texts(
    passages: PassageStore, first: int, last: int, settings: LexicalSettings
) -> Iterator[str]:
    for title, text in passages.texts(first, last):
        yield f"{title} " * settings.titles + text if title else text
