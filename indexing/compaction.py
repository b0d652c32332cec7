"""Several segments made one, without the removed documents: what a fresh build would have made.

Texts are split and counted again, which takes seconds; vectors, which take hours, are copied
where the segments keep them whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoder.protocol import TextEncoder
from indexing.commit import commit, commit_change, now, records, write_removed
from indexing.documents import Document
from indexing.errors import InputError
from indexing.files import writing_to
from indexing.index import Index, lexical_settings
from indexing.locks import write_lock
from indexing.manifest import Added, Manifest, read_manifest
from indexing.progress import Progress, SilentProgress
from indexing.resume import Unfinished, start_change
from indexing.segment_writing import write_lexical, write_store
from indexing.splitting import SplitSettings
from indexing.summary import BuildSummary, Clock, peak_memory
from indexing.vectors import Vectors
from indexing.vectors_kinds import EXACT, VectorSettings
from indexing.vectors_stage import make_vectors

_MOST = 8  # added segments, before small ones are made one
_SILENT = SilentProgress()


def compact(
    path: str | Path, encoder: TextEncoder | None = None, progress: Progress = _SILENT
) -> BuildSummary:
    """Make an index one segment again: equal to a fresh build of the documents that it has.

    An index with vectors needs their encoder, which encodes only where the segments do not keep
    the vectors whole.

    Raises:
        InputError: no index, another writer, another encoder, or too few passages are left for
            the kind of vectors that it was built with.
    """
    root = Path(path)
    read_manifest(root)
    clock = Clock()
    with writing_to(root), write_lock(root):
        with Index.open(root) as index:
            manifest = index.manifest
            if not manifest.changed:
                return _summary(root, manifest, clock)
            record = manifest.vectors
            if record and (encoder is None or encoder.fingerprint != record.fingerprint):
                raise InputError(f"Compacting needs the vectors' encoder, {record.encoder!r}.")
            built = start_change(root, manifest)
            recorded: Mapping[str, Any] = manifest.settings.get("vectors") or {}
            wanted = VectorSettings(**recorded)
            try:
                counts, vectors = _rewrite(
                    built, index, 0, encoder if record else None, wanted, progress, clock
                )
            except InputError:
                built.discard()
                raise
        with clock.stage("commit"):
            manifest = replace(
                manifest,
                created=now(),
                documents=counts[0],
                passages=counts[1],
                segment=built.folder.name,
                vectors=vectors,
                files=records(root, built),
                added=(),
                removed=None,
            )
            commit(root, built, manifest)
    return _summary(root, manifest, clock)


def fold(root: Path, manifest: Manifest, encoder: TextEncoder | None, clock: Clock) -> Manifest:
    """Make the last small segments one where there are many; return the manifest of the result.

    A segment is taken in as long as it is not much larger than all that came after it, so that
    a document is copied a logarithmic number of times, however many changes come one by one.
    """
    sizes = [one.passages for one in manifest.added]
    first = len(sizes) - 1
    while first > 0 and sizes[first - 1] <= 2 * sum(sizes[first:]):
        first -= 1
    if len(sizes) <= _MOST or first == len(sizes) - 1:
        return manifest
    with clock.stage("fold"), Index.open(root) as index:
        built = start_change(root, manifest)
        exact = VectorSettings(EXACT)
        with_vectors = encoder if manifest.vectors else None
        counts, _ = _rewrite(built, index, first + 1, with_vectors, exact, _SILENT, clock)
        start = index.documents.firsts[first + 1]
        gone = [row for row in index.documents.removed if row < start]
        removed = write_removed(root, built, gone) if gone else None
    kept = manifest.added[:first]
    made = (Added(built.folder.name, *counts),) if counts[1] else ()
    manifest = replace(manifest, added=(*kept, *made), removed=removed)
    return commit_change(root, built, manifest)


def _rewrite(
    built: Unfinished,
    index: Index,
    first: int,
    encoder: TextEncoder | None,
    wanted: VectorSettings,
    progress: Progress,
    clock: Clock,
) -> tuple[tuple[int, int], Any]:
    """Write the live documents of the segments from number `first` on into a new one.

    Returns the numbers of documents and passages, and what the manifest says of the vectors.
    """
    splitting = SplitSettings(**index.manifest.settings["splitting"])
    begin = index.documents.firsts[first]
    left = len(index.documents) - begin
    with clock.stage("read"), progress.stage("Reading", left, "documents") as advance:
        counts = write_store(_live(index, begin, advance), splitting, built)
    if not counts[1]:
        return (0, 0), None
    passages = write_lexical(built, lexical_settings(index.manifest), progress, clock)
    record = None
    if encoder is not None:
        ids = np.flatnonzero(~index.removed_passages())
        ids = ids[ids >= index.passages.firsts[first]]
        vectors = index.vectors
        known = _Copied(vectors, ids) if vectors is not None and vectors.whole else None
        record = make_vectors(built, passages, encoder, wanted, progress, clock, known)
    return counts, record


def _live(index: Index, begin: int, advance: Any) -> Iterator[Document]:
    for row in range(begin, len(index.documents)):
        if row not in index.documents.removed:
            yield index.documents.at(row)
        advance(1)


@dataclass(frozen=True, slots=True)
class _Copied:
    """The vectors of some passages of an index, which become passages 0, 1, ... of a new one."""

    vectors: Vectors
    ids: NDArray[np.int64]

    def stored(self, first: int, last: int) -> NDArray[np.float32]:
        ids = self.ids[first:last]
        breaks = np.flatnonzero(np.diff(ids) != 1) + 1
        runs = np.split(ids, breaks)
        return np.concatenate([self.vectors.stored(int(r[0]), int(r[-1]) + 1) for r in runs])


def _summary(root: Path, manifest: Manifest, clock: Clock) -> BuildSummary:
    return BuildSummary(
        path=root,
        documents=manifest.documents,
        passages=manifest.passages,
        vectors=manifest.passages if manifest.vectors else 0,
        skipped={},
        problems=[],
        remarks=[],
        files={name: record.bytes for name, record in manifest.files.items()},
        seconds=clock.seconds,
        peak_memory=peak_memory(),
    )
