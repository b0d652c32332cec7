"""Builds an index: reads and splits, counts words, makes vectors, commits.

Until the commit, which renames one file, the old index is untouched and keeps answering. Each
stage leaves finished pieces on the disk, for `resume`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from encoder.protocol import TextEncoder
from indexing import resume as resuming
from indexing.commit import commit, now, records, spanqa_version
from indexing.corpus import CorpusOptions, corpus_size, read_documents
from indexing.errors import InputError, QAError
from indexing.files import writing_to
from indexing.index import Index
from indexing.lexical import LexicalSettings
from indexing.locks import LOCK_FILE, write_lock
from indexing.manifest import MANIFEST, Manifest, is_index, read_manifest
from indexing.problems import Problems
from indexing.progress import Progress, SilentProgress
from indexing.resume import Unfinished
from indexing.segment_writing import write_lexical, write_store
from indexing.source_files import source_folders
from indexing.splitting import SplitSettings
from indexing.summary import BuildSummary, Clock, peak_memory
from indexing.vectors_kinds import VectorSettings, factory
from indexing.vectors_stage import make_vectors

_OURS = {LOCK_FILE, "segments", MANIFEST + ".tmp"}
_SILENT = SilentProgress()


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """How to read the sources, cut them into passages, count their words and keep vectors."""

    corpus: CorpusOptions = field(default_factory=CorpusOptions)
    splitting: SplitSettings = field(default_factory=SplitSettings)
    lexical: LexicalSettings = field(default_factory=LexicalSettings)
    vectors: VectorSettings = field(default_factory=VectorSettings)


@dataclass(frozen=True, slots=True)
class _Task:
    """What the stages of one build share."""

    root: Path
    sources: Sequence[Path | str]
    settings: BuildSettings
    built: Unfinished
    progress: Progress
    clock: Clock


def build_index(
    sources: Sequence[Path | str],
    out: str | Path,
    settings: BuildSettings | None = None,
    encoder: TextEncoder | None = None,
    progress: Progress = _SILENT,
    *,
    resume: bool = False,
    strict: bool = False,
) -> BuildSummary:
    """Build an index of the sources in the folder `out`, replacing the one that is there.

    Without an encoder the index has BM25 only; `add_vectors` adds the rest. With `resume`, an
    unfinished build of the same sources and settings goes on where it was. With `strict`, the
    first problem in the input is an error.
    """
    settings = _lasting(settings or BuildSettings())
    if encoder is not None:
        factory(settings.vectors, 1, encoder.dimension)  # a wrong kind is an error now, not later
    root = Path(out)
    with writing_to(root, resumable=True):
        _check_place(root, sources)
        request = _request(sources, settings, encoder)
        made = _prepare(root)
        with write_lock(root):
            built = _start(root, request, resume=resume)
            task = _Task(root, sources, settings, built, progress, Clock())
            try:
                return _index(task, _read(task, Problems(strict=strict)), encoder)
            except InputError:
                built.discard()
                _clear(root, made=made)
                raise


def add_vectors(
    path: str | Path,
    encoder: TextEncoder,
    progress: Progress = _SILENT,
    settings: VectorSettings | None = None,
) -> BuildSummary:
    """Make an index's vectors with this encoder, in place of any that it has.

    Goes on by itself where a run for the same passages and encoder was cut off. Vectors that the
    index has of this encoder are kept, and only filed anew where the settings ask for it.
    """
    settings = settings or VectorSettings()
    root = Path(path)
    read_manifest(root)
    clock = Clock()
    with writing_to(root), write_lock(root):
        with Index.open(root) as index:
            manifest = index.manifest
            if manifest.changed:
                raise InputError(
                    f"{root} has been changed since its build; run `qa index compact` first."
                )
            built = _start_vectors(root, manifest, encoder)
            old = manifest.vectors
            same = old is not None and old.fingerprint == encoder.fingerprint
            known = index.vectors if same and index.vectors and index.vectors.whole else None
            record = make_vectors(built, index.passages, encoder, settings, progress, clock, known)
        with clock.stage("commit"):
            own = f"segments/{manifest.segment}/"
            kept = {name: file for name, file in manifest.files.items() if name.startswith(own)}
            files = {**kept, **records(root, built)}
            recorded = {**manifest.settings, "vectors": asdict(settings)}
            manifest = replace(
                manifest, created=now(), settings=recorded, vectors=record, files=files
            )
            commit(root, built, manifest)
    return _summary(root, manifest, {}, clock)


def _start_vectors(root: Path, manifest: Manifest, encoder: TextEncoder) -> Unfinished:
    """Find what an earlier run for the same passages and encoder has left, or start anew."""
    request = {"work": "vectors", "passages": manifest.segment, "encoder": encoder.fingerprint}
    resuming.tidy(root, manifest)
    found = resuming.unfinished(root, manifest, "vectors")
    if found is not None and found.request != request:
        found.discard()
        found = None
    return found or resuming.start(root, request)


def _lasting(settings: BuildSettings) -> BuildSettings:
    """Return settings that mean the same in any working folder: changes of the index use them."""
    corpus = replace(settings.corpus, graph=settings.corpus.graph.absolute())
    return replace(settings, corpus=corpus)


def _check_place(root: Path, sources: Sequence[Path | str]) -> None:
    for source in sources:
        if Path(source).is_dir() and root.resolve().is_relative_to(Path(source).resolve()):
            raise InputError(f"{root} lies inside its own source {source}; choose another folder.")


def _prepare(root: Path) -> bool:
    """Make the folder, unless it is somebody else's; return whether it was not there."""
    made = not root.exists()
    root.mkdir(parents=True, exist_ok=True)
    strangers = {path.name for path in root.iterdir()} - _OURS
    if strangers and not is_index(root):
        raise InputError(f"{root} is neither empty nor an index; choose another folder.")
    return made


def _request(
    sources: Sequence[Path | str], settings: BuildSettings, encoder: TextEncoder | None
) -> Mapping[str, Any]:
    request = {
        "work": "build",
        "sources": [resuming.source_identity(source) for source in sources],
        **asdict(settings),
        "encoder": encoder.fingerprint if encoder else None,
    }
    content: Mapping[str, Any] = json.loads(json.dumps(request))
    return content


def _start(root: Path, request: Mapping[str, Any], *, resume: bool) -> Unfinished:
    """Find the unfinished build when it is to be resumed, else clear the way for a new one."""
    manifest = _manifest_if_sound(root)
    resuming.tidy(root, manifest)
    found = resuming.unfinished(root, manifest, "build")
    if resume and found is not None:
        resuming.check_same_request(found, request)
        return found
    resuming.clean(root, manifest, keep_unfinished=False)
    return resuming.start(root, request)


def _manifest_if_sound(root: Path) -> Manifest | None:
    try:
        return read_manifest(root) if is_index(root) else None
    except InputError:
        raise
    except QAError:
        return None  # damaged: building again is the way to mend it


def _read(task: _Task, problems: Problems) -> Mapping[str, Any]:
    """Fill the store; return the counts and what was skipped."""
    built = task.built
    if "read" in built.done:
        found: Mapping[str, Any] = built.done["read"]
        return found
    total = corpus_size(task.sources)
    with task.clock.stage("read"), task.progress.stage("Reading", total, "B") as advance:
        documents = read_documents(task.sources, task.settings.corpus, problems, advance)
        counts = write_store(documents, task.settings.splitting, built)
    if not counts[1]:
        raise InputError(f"There is no text in {' '.join(map(str, task.sources))}.")
    result = {
        "documents": counts[0],
        "passages": counts[1],
        "skipped": dict(problems.counts),
        "problems": [str(problem) for problem in problems.kept],
        "remarks": problems.remarks,
    }
    built.finish("read", result)
    return result


def _index(task: _Task, read: Mapping[str, Any], encoder: TextEncoder | None) -> BuildSummary:
    """Make BM25 and vectors of the stored passages, and commit."""
    root, built = task.root, task.built
    passages = write_lexical(built, task.settings.lexical, task.progress, task.clock)
    record = None
    if encoder is not None:
        wanted = task.settings.vectors
        record = make_vectors(built, passages, encoder, wanted, task.progress, task.clock)
    with task.clock.stage("commit"):
        manifest = Manifest(
            created=now(),
            spanqa=spanqa_version(),
            documents=read["documents"],
            passages=read["passages"],
            settings=asdict(task.settings),
            segment=built.folder.name,
            vectors=record,
            files=records(root, built),
            folders=source_folders(task.sources),
        )
        commit(root, built, manifest)
    return _summary(root, manifest, read, task.clock)


def _summary(root: Path, manifest: Manifest, read: Mapping[str, Any], clock: Clock) -> BuildSummary:
    return BuildSummary(
        path=root,
        documents=manifest.documents,
        passages=manifest.passages,
        vectors=manifest.passages if manifest.vectors else 0,
        skipped=read.get("skipped", {}),
        problems=read.get("problems", []),
        remarks=read.get("remarks", []),
        files={name: record.bytes for name, record in manifest.files.items()},
        seconds=clock.seconds,
        peak_memory=peak_memory(),
    )


def _clear(root: Path, *, made: bool) -> None:
    """Leave nothing behind of a build that never had a document but a folder that was there."""
    if {path.name for path in root.iterdir()} <= _OURS and not any((root / "segments").iterdir()):
        (root / "segments").rmdir()
        (root / LOCK_FILE).unlink()
        if made:
            root.rmdir()
