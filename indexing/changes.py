"""Changes of a ready index: documents added, replaced, or removed, without building it again.

New documents become a segment of their own, behind those that are there; removed ones are rows
in a file. Both become true in the moment that a new manifest takes the place of the old one, so
that a crash leaves the index as it was before or as it is after. Whoever has the index open keeps
what they opened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from encoder.protocol import TextEncoder
from indexing.commit import commit_change, write_removed
from indexing.compaction import fold
from indexing.corpus import CorpusOptions, FieldNames, corpus_size, read_documents
from indexing.documents import Document
from indexing.errors import InputError
from indexing.files import writing_to
from indexing.graph.triples import GraphOptions
from indexing.index import Index, lexical_settings
from indexing.locks import write_lock
from indexing.manifest import Added, Manifest, read_manifest
from indexing.parts import rows_of_parts
from indexing.problems import Problems
from indexing.progress import Progress, SilentProgress
from indexing.resume import Unfinished, start_change
from indexing.segment_writing import write_lexical, write_store
from indexing.source_files import belongs_to, source_folders
from indexing.splitting import SplitSettings
from indexing.summary import Clock
from indexing.vectors_kinds import EXACT, VectorSettings
from indexing.vectors_stage import make_vectors

_SILENT = SilentProgress()
_NO_FIELDS = FieldNames()


@dataclass(frozen=True, slots=True)
class ChangeSummary:
    """What a change did: documents added, replaced and removed, and what the index holds now.

    `skipped`, `problems` and `remarks` are those of the sources, `seconds` are by stage.
    """

    path: Path
    added: int
    replaced: int
    removed: int
    documents: int
    passages: int
    segments: int
    skipped: Mapping[str, int]
    problems: Sequence[str]
    remarks: Sequence[str]
    seconds: Mapping[str, float]


def add_documents(
    path: str | Path,
    sources: Sequence[Path | str],
    encoder: TextEncoder | None = None,
    format: str | None = None,
    progress: Progress = _SILENT,
    *,
    fields: FieldNames = _NO_FIELDS,
    replacing: bool = False,
    strict: bool = False,
) -> ChangeSummary:
    """Add the documents of the sources to an index, split and counted as its own were.

    A document whose id the index has already is a problem that is reported, and is left out; with
    `replacing` it takes the place of the one that is there, whose further parts (`id#2` of a large
    text or entity) are removed if they have no new edition. An index with vectors needs their
    encoder. Sources are read as those of the index were, but for another `format` and other
    `fields`; a file or folder in a folder that was read before keeps the ids that it had there.

    Raises:
        InputError: no index, another writer, another encoder, or no document to add.
    """
    root = Path(path)
    read_manifest(root)
    clock, problems = Clock(), Problems(strict=strict)
    with writing_to(root), write_lock(root):
        with Index.open(root) as index:
            manifest = index.manifest
            _check_encoder(manifest, encoder)
            options = _options(manifest, format, fields)
            built = start_change(root, manifest)
            try:
                replaced, parts = _write_documents(
                    built, index, sources, options, problems, progress, clock, replacing=replacing
                )
                counts = built.done["read"]
                passages = write_lexical(built, lexical_settings(manifest), progress, clock)
                if manifest.vectors is not None and encoder is not None:
                    kind = VectorSettings(EXACT)
                    make_vectors(built, passages, encoder, kind, progress, clock)
                old = {*replaced, *parts}
                gone = index.documents.removed | old
                freed = _passages_of(index, old)
            except InputError:
                built.discard()
                raise
        new = Added(built.folder.name, counts[0], counts[1])
        manifest = replace(
            manifest,
            documents=manifest.documents + counts[0] - len(old),
            passages=manifest.passages + counts[1] - freed,
            added=(*manifest.added, new),
            folders=_with_new(manifest.folders, sources),
        )
        with clock.stage("commit"):
            manifest = _commit(root, built, manifest, gone if old else None)
        manifest = fold(root, manifest, encoder, clock)
    done = (counts[0] - len(replaced), len(replaced), len(parts))
    return _summary(root, manifest, problems, clock, done)


def delete_documents(
    path: str | Path, ids: Collection[str], *, missing_ok: bool = False
) -> ChangeSummary:
    """Remove documents by their ids.

    Raises:
        InputError: no index, another writer, an id that the index has not (unless `missing_ok`;
            nothing is removed then), or no document would be left.
    """
    root = Path(path)
    read_manifest(root)
    clock = Clock()
    with writing_to(root), write_lock(root):
        with Index.open(root) as index:
            manifest = index.manifest
            missing = [one for one in ids if one not in index.documents]
            if missing and not missing_ok:
                more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
                raise InputError(f"{root} has no document {missing[0]!r}{more}; nothing removed.")
            rows = {index.documents.row_of(one) for one in ids if one in index.documents}
            if len(rows) == manifest.documents:
                raise InputError(f"No document would be left in {root}; build it anew instead.")
            gone = index.documents.removed | rows
            freed = _passages_of(index, rows)
        if rows:
            manifest = replace(
                manifest,
                documents=manifest.documents - len(rows),
                passages=manifest.passages - freed,
            )
            with clock.stage("commit"):
                manifest = _commit(root, start_change(root, manifest), manifest, gone)
    return _summary(root, manifest, Problems(), clock, (0, 0, len(rows)))


def _write_documents(
    built: Unfinished,
    index: Index,
    sources: Sequence[Path | str],
    options: CorpusOptions,
    problems: Problems,
    progress: Progress,
    clock: Clock,
    *,
    replacing: bool,
) -> tuple[list[int], set[int]]:
    """Fill the new segment's store.

    Returns the rows of the documents that it replaces, and of parts that their new editions lack.
    """
    replaced: list[int] = []
    parts: set[int] = set()

    def new() -> Iterator[Document]:
        for document in documents:
            if document.id not in index.documents:
                yield document
            elif replacing:
                replaced.append(index.documents.row_of(document.id))
                parts.update(rows_of_parts(index.documents, document.id))
                yield document
            else:
                problems.report(str(index.path), None, "id that the index has", document.id)

    splitting = SplitSettings(**index.manifest.settings["splitting"])
    total = corpus_size(sources)
    with clock.stage("read"), progress.stage("Reading", total, "B") as advance:
        documents = read_documents(sources, options, problems, advance, index.manifest.folders)
        counts = write_store(new(), splitting, built)
    if not counts[1]:
        first = f"; the first problem: {problems.kept[0]}" if problems.kept else ""
        named = " ".join(map(str, sources))
        raise InputError(f"There is nothing to add to {index.path} in {named}{first}.")
    built.finish("read", counts)
    return replaced, parts.difference(replaced)


def _with_new(folders: Sequence[str], sources: Sequence[Path | str]) -> tuple[str, ...]:
    """Return the folders read before and those of the sources that lie in none of them."""
    new = (one for one in source_folders(sources) if belongs_to(Path(one), folders)[0] == Path(one))
    return tuple(dict.fromkeys((*folders, *new)))


def _options(manifest: Manifest, format: str | None, fields: FieldNames) -> CorpusOptions:
    """Return how to read new sources: as the index's own were, but for what is said of them."""
    recorded = _recorded(manifest)
    said = {name: value for name, value in asdict(fields).items() if value is not None}
    named = replace(recorded.fields, **said)
    return replace(recorded, format=format or recorded.format, fields=named)


def _recorded(manifest: Manifest) -> CorpusOptions:
    """Return how the index's own sources were read."""
    settings = dict(manifest.settings["corpus"])
    fields = FieldNames(**settings.pop("fields"))
    graph = {name: _tuples(value) for name, value in settings.pop("graph").items()}
    return CorpusOptions(fields=fields, graph=GraphOptions(**graph), **settings)


def _tuples(value: Any) -> Any:
    """Return what JSON has made of a tuple as it was."""
    return tuple(value) if isinstance(value, list) else value


def _check_encoder(manifest: Manifest, encoder: TextEncoder | None) -> None:
    record = manifest.vectors
    if record is None:
        return
    if encoder is None:
        raise InputError("The index has vectors; adding to it needs their encoder.")
    if encoder.fingerprint != record.fingerprint:
        raise InputError(
            f"The index's vectors are of the encoder {record.encoder!r}, not {encoder.name!r}; "
            "give that one with --encoder."
        )


def _passages_of(index: Index, rows: Collection[int]) -> int:
    return sum(len(index.passages.of_document(row)) for row in rows)


def _commit(
    root: Path, built: Unfinished, manifest: Manifest, gone: Collection[int] | None
) -> Manifest:
    if gone is not None:
        manifest = replace(manifest, removed=write_removed(root, built, gone))
    return commit_change(root, built, manifest)


def _summary(
    root: Path,
    manifest: Manifest,
    problems: Problems,
    clock: Clock,
    counts: tuple[int, int, int],
) -> ChangeSummary:
    added, replaced, removed = counts
    return ChangeSummary(
        path=root,
        added=added,
        replaced=replaced,
        removed=removed,
        documents=manifest.documents,
        passages=manifest.passages,
        segments=1 + len(manifest.added),
        skipped=dict(problems.counts),
        problems=[str(problem) for problem in problems.kept],
        remarks=problems.remarks,
        seconds=clock.seconds,
    )
