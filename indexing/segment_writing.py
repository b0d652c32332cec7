"""The stages that make a segment of documents: the store of its texts, and BM25."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from indexing.documents import Document
from indexing.lexical import LEXICAL, LexicalSettings
from indexing.lexical_build import build_lexical
from indexing.passage_store import DocumentStore, PassageStore
from indexing.progress import Progress
from indexing.resume import Unfinished
from indexing.splitting import SplitSettings, split
from indexing.store_writing import Part, join_parts, part_documents, write_part
from indexing.summary import Clock

_PART_DOCUMENTS = 20_000
_PART_CHARACTERS = 32_000_000


def write_store(
    documents: Iterable[Document], splitting: SplitSettings, built: Unfinished
) -> tuple[int, int]:
    """Write documents and their passages; return how many there are of both.

    Parts of some thousand documents are kept once written: called again with the same documents,
    it goes on behind them.
    """
    folder = built.work / "parts"
    folder.mkdir(exist_ok=True)
    sizes = part_documents(folder)
    number, seen = len(sizes), sum(sizes)
    part = Part()
    for document in islice(documents, seen, None):
        part.add(document, split(document, splitting))
        if len(part.documents) >= _PART_DOCUMENTS or part.characters >= _PART_CHARACTERS:
            write_part(part, folder, number, seen)
            number, seen, part = number + 1, seen + len(part.documents), Part()
    if part.documents:
        write_part(part, folder, number, seen)
    elif not number:
        return 0, 0
    return join_parts(folder, built.folder)


def write_lexical(
    built: Unfinished, settings: LexicalSettings, progress: Progress, clock: Clock
) -> PassageStore:
    """Make BM25 of the stored passages, unless it is there; return the passages."""
    passages = PassageStore(DocumentStore(built.folder), built.folder)
    if "lexical" not in built.done:
        with (
            clock.stage("bm25"),
            progress.stage("Counting words", len(passages), "passages") as advance,
        ):
            build_lexical(passages, settings, built.work / LEXICAL, built.folder / LEXICAL, advance)
        built.finish("lexical", True)
    return passages
