"""What comes with SpanQA: the demo corpus, its index in the cache folder, the default index."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from encoder.model_cache import cache_folder
from indexing.errors import QAError
from indexing.progress import Progress, SilentProgress

CORPUS = "demo_corpus.jsonl.xz"


def data_folder() -> Path:
    """Return the bundled data: inside the package in a wheel, beside it in a clone.

    Raises:
        QAError: the installation is damaged.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "bundled", here.parent / "data"):
        if (folder / CORPUS).is_file():
            return folder
    raise QAError(f"{here}: the bundled data is missing; install spanqa again")


def demo_folder() -> Path:
    """Return where the demo's index belongs; the name changes with the corpus and the encoder."""
    from encoder.checkpoint import fingerprint
    from encoder.load import default_folder

    with (data_folder() / CORPUS).open("rb") as file:
        digest = hashlib.file_digest(file, "blake2b")
    digest.update(fingerprint(default_folder()).encode())
    return cache_folder() / f"demo-{digest.hexdigest()[:12]}"


def index_folder(given: str | Path | None = None, progress: Progress | None = None) -> Path:
    """Return the index to use: the given one, else `$QA_INDEX`, else the demo's.

    The demo's index is built on first use.
    """
    if given is not None:
        return Path(given)
    if chosen := os.environ.get("QA_INDEX"):
        return Path(chosen)
    return demo_index(progress)


def demo_index(progress: Progress | None = None) -> Path:
    """Return the demo corpus's index, built into the cache folder if it is not there."""
    from indexing.manifest import is_index

    folder = demo_folder()
    if not is_index(folder):
        from encoder.load import load_encoder
        from indexing.build import build_index

        build_index(
            [data_folder() / CORPUS],
            folder,
            encoder=load_encoder(),
            progress=progress or SilentProgress(),
            resume=True,
        )
    return folder
