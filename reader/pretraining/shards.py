"""Tokenised corpora on the disk: flat arrays of ids, so that a training machine needs no text.

A folder holds `ids-NNNNN.npy` (uint16, or uint32 for vocabularies beyond 65,536 pieces: the
documents' pieces one after the other), `ends-NNNNN.npy` (int64: where each document ends in it)
and `tokens.json`. Special pieces are not stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoder.training.plan import Plan, plan_of, require_same
from indexing.corpus import CorpusOptions, corpus_size, read_documents
from indexing.errors import InputError
from indexing.files import publish, write_atomically, writing_to
from indexing.problems import Problems
from indexing.progress import Progress, SilentProgress
from indexing.source_files import source_checksum
from reader.features import ReaderTokenizer
from reader.pretraining.vocabulary import Vocabulary

MANIFEST = "tokens.json"
FORMAT = 1
_SHARD = 2**26  # pieces in a shard: 128 MiB
_BATCH = 512  # documents tokenised at once
_SHORTEST = 8  # pieces; what is shorter teaches nothing


@dataclass(frozen=True, slots=True)
class Shard:
    """One pair of files. `read` counts the documents of the corpus up to its end, kept or not."""

    name: str
    pieces: int
    documents: int
    read: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `tokens.json` says; `plan` tells how the corpus was read and what was in it."""

    format: int
    sources: tuple[str, ...]
    vocabulary: str
    whole: bool
    shards: tuple[Shard, ...]
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    options: CorpusOptions
    kept_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tokens:
    """An open folder: memory-mapped ids of each shard, and where its documents end."""

    ids: tuple[NDArray[Any], ...]
    ends: tuple[NDArray[np.int64], ...]

    @property
    def pieces(self) -> int:
        """How many pieces there are."""
        return sum(len(ids) for ids in self.ids)


def write_tokens(
    sources: Sequence[str],
    base: Path,
    out: Path,
    options: CorpusOptions,
    problems: Problems,
    *,
    keep: Callable[[str], str] | None = None,
    kept_out: Sequence[str] = (),
    besides: Sequence[Path] = (),
    progress: Progress | None = None,
    shard: int = _SHARD,
) -> Manifest:
    """Tokenise a corpus of any size into `out`, by the tokenizer of `base`; memory is bounded.

    `keep` returns what of a document's text may train; `kept_out` names what it is chosen by. A
    folder that is whole already is left as it is, even where the sources are not there any more;
    a stopped run goes on after its last shard. `besides` are folders that are written, too: files
    in them do not tell whether a source has changed.

    Raises:
        InputError: `out` holds other tokens, or the sources have changed or hold no documents.
    """
    tokenizer, vocabulary = ReaderTokenizer.from_folder(base), Vocabulary.from_folder(base)
    named = (*sources, *(f"without {name}" for name in kept_out))
    done = _begun(out, named, vocabulary)
    if done.whole and not any(Path(source).exists() for source in sources):
        return done
    plan = plan_of(_Asked(options, tuple(kept_out)))
    plan["inputs"] |= {name: source_checksum(name, (out, *besides)) for name in sources}
    if (out / MANIFEST).exists():
        require_same(done.plan, plan, out, "--tokens")
    if done.whole:
        return done
    done = replace(done, plan=plan)
    with (
        writing_to(out),
        (progress or SilentProgress()).stage("tokenising", corpus_size(sources), "B") as advance,
    ):
        out.mkdir(parents=True, exist_ok=True)
        documents = read_documents(sources, options, problems, advance)
        read = done.shards[-1].read if done.shards else 0
        whole = (document.text for document in islice(documents, read, None))
        texts = map(keep, whole) if keep else whole
        kind = np.uint16 if vocabulary.size <= 2**16 else np.uint32
        for parts, count in _filled(texts, tokenizer, shard):
            read += count
            new = _write_shard(out, len(done.shards), parts, kind, read)
            done = replace(done, shards=(*done.shards, new))
            _save(out, done)
        if not sum(one.documents for one in done.shards):
            raise InputError(f"{' '.join(sources)}: no document has {_SHORTEST} pieces or more")
        done = replace(done, whole=True)
        _save(out, done)
    return done


def _begun(out: Path, sources: tuple[str, ...], vocabulary: Vocabulary) -> Manifest:
    if not (out / MANIFEST).exists():
        return Manifest(FORMAT, sources, vocabulary.digest, False, ())
    found = read_manifest(out)
    if (found.sources, found.vocabulary) != (sources, vocabulary.digest):
        raise InputError(f"{out}: holds tokens of another corpus or tokenizer; choose another")
    return found


def _filled(
    texts: Iterator[str], tokenizer: ReaderTokenizer, shard: int
) -> Iterator[tuple[list[NDArray[np.int32]], int]]:
    """Yield documents' pieces for one shard after the other, and how many documents were read."""
    parts: list[NDArray[np.int32]] = []
    size = read = 0
    while batch := list(islice(texts, _BATCH)):
        read += len(batch)
        found = [one.ids for one in tokenizer.passages(batch) if len(one) >= _SHORTEST]
        parts += found
        size += sum(map(len, found))
        if size >= shard:
            yield parts, read
            parts, size, read = [], 0, 0
    if parts:
        yield parts, read


def _write_shard(
    out: Path, number: int, parts: list[NDArray[np.int32]], kind: Any, read: int
) -> Shard:
    name = f"{number:05}"
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    arrays = {"ids": np.concatenate(parts).astype(kind), "ends": ends}
    for prefix, array in arrays.items():
        temporary = out / f"{prefix}-{name}.part.npy"
        np.save(temporary, array)
        publish(temporary, out / f"{prefix}-{name}.npy")
    return Shard(name, int(ends[-1]), len(parts), read)


def _save(out: Path, manifest: Manifest) -> None:
    write_atomically(out / MANIFEST, json.dumps(asdict(manifest), indent=2).encode() + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """Read `tokens.json`.

    Raises:
        InputError: it is not there, or not of this format.
    """
    try:
        values = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        shards = tuple(Shard(**one) for one in values.pop("shards"))
        found = Manifest(**{**values, "sources": tuple(values["sources"]), "shards": shards})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}: not a folder of tokens ({error})") from error
    if found.format != FORMAT:
        raise InputError(f"{folder}: tokens of format {found.format}; this version reads {FORMAT}")
    return found


def open_tokens(folder: Path, vocabulary: Vocabulary) -> Tokens:
    """Open a whole folder of tokens.

    Raises:
        InputError: it is not whole, damaged, or of another vocabulary.
    """
    manifest = read_manifest(folder)
    if not manifest.whole:
        raise InputError(f"{folder}: tokenising was stopped; run it again to go on")
    if manifest.vocabulary != vocabulary.digest:
        raise InputError(f"{folder}: was tokenised with another vocabulary than the model's")
    ids, ends = [], []
    for shard in manifest.shards:
        try:
            ids.append(np.load(folder / f"ids-{shard.name}.npy", mmap_mode="r"))
            ends.append(np.load(folder / f"ends-{shard.name}.npy"))
        except (OSError, ValueError) as error:
            raise InputError(f"{folder}: shard {shard.name} is unreadable ({error})") from error
        if len(ids[-1]) != shard.pieces or len(ends[-1]) != shard.documents:
            raise InputError(f"{folder}: shard {shard.name} is not what {MANIFEST} says")
    return Tokens(tuple(ids), tuple(ends))
