"""The index and the models that answer, as hashes: they change whenever answers may."""

from __future__ import annotations

import hashlib
from pathlib import Path

from encoder.checkpoint import folder_fingerprint
from encoder.load import encoder_folder
from indexing.graph.facts import FACTS
from indexing.index import Index
from indexing.manifest import MANIFEST
from pipelines.ask import index_encoder_name
from reader.load import reader_folder
from retriever.open import default_kind
from retriever.stages.cross_encoder import READER, cross_encoder_folder


def part_fingerprints(
    index: Path,
    *,
    retriever: str | None = None,
    encoder: str | None = None,
    reader: str | None = None,
    rerank: str | None = None,
) -> dict[str, str]:
    """Return a hash of each part that `QuestionAnswering.load` opens with these options.

    The models' take in all that lies in their folders: a calibration, a rescorer, an encoder of
    questions or an adapter.

    Raises:
        InputError: a part is not to be had.
    """
    with Index.open(index) as opened:
        kind = retriever or default_kind(opened)
        encodes = kind != "bm25" or opened.documents.may_have_metadata(FACTS)
        name = index_encoder_name(opened, encoder)
    manifest = (index / MANIFEST).read_bytes()
    found = {
        "index manifest": hashlib.blake2b(manifest, digest_size=16).hexdigest(),
        "reader files": folder_fingerprint(reader_folder(reader)),
    }
    if encodes:
        found["encoder files"] = folder_fingerprint(encoder_folder(name))
    if rerank not in (None, READER):
        found["reranker files"] = folder_fingerprint(cross_encoder_folder(rerank))
    return found
