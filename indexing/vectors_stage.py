"""The stage of a build that makes the vectors, and what it tells the manifest."""

from __future__ import annotations

from dataclasses import asdict

from encoder.protocol import TextEncoder
from indexing.manifest import VectorRecord
from indexing.passage_store import PassageStore
from indexing.progress import Progress
from indexing.resume import Unfinished
from indexing.summary import Clock
from indexing.vectors import Stored
from indexing.vectors_build import build_vectors
from indexing.vectors_kinds import VectorSettings


def make_vectors(
    built: Unfinished,
    passages: PassageStore,
    encoder: TextEncoder,
    settings: VectorSettings,
    progress: Progress,
    clock: Clock,
    known: Stored | None = None,
) -> VectorRecord:
    """Make the vectors, unless they are there; return what the manifest says of them."""
    done = built.done.get("vectors")
    if done is None or done["settings"] != asdict(settings):
        with (
            clock.stage("vectors"),
            progress.stage("Encoding", len(passages), "passages") as advance,
        ):
            work = built.work / "vectors"
            made = build_vectors(passages, encoder, work, built.folder, advance, settings, known)
        search = asdict(made.search) if made.search else {}
        done = {"settings": asdict(settings), "factory": made.factory, "search": search}
        built.finish("vectors", done)
    return VectorRecord(
        built.folder.name,
        encoder.name,
        encoder.fingerprint,
        encoder.dimension,
        done["factory"],
        done["search"],
    )
