"""Which files a source is: a file, a folder's files in order, or a data set by name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from indexing.errors import InputError
from indexing.files import checksum
from indexing.formats.columnar import is_saved_dataset, saved_files
from indexing.formats.hub import PREFIX, parse_hub_source
from indexing.problems import Problems


def corpus_size(sources: Sequence[Path | str]) -> int | None:
    """Return the size of all sources on the disk in bytes; None if one is not on it."""
    total = 0
    for source in sources:
        if is_hub(source):
            return None
        total += sum(path.stat().st_size for path in source_files(source))
    return total


def source_checksum(source: Path | str, besides: Sequence[Path] = ()) -> str | None:
    """Return one checksum of a source's files and their names; None if it is not on the disk.

    Files in the folders `besides`, which may lie within the source, do not count.
    """
    if is_hub(source):
        return None
    root, digest = local_path(source), hashlib.sha256()
    passed_over = [folder.resolve() for folder in besides]
    for file in source_files(source):
        if not any(file.resolve().is_relative_to(folder) for folder in passed_over):
            digest.update(f"{file.relative_to(root).as_posix()}\0{checksum(file)}\n".encode())
    return digest.hexdigest()


def is_hub(source: Path | str) -> bool:
    """Whether a source is a data set to be had by name, not a folder called hf:..."""
    text = str(source)
    return text.startswith(PREFIX) and not Path(parse_hub_source(text).dataset).is_dir()


def local_path(source: Path | str) -> Path:
    """Return the path of a source that is on the disk."""
    return _local(source)[0]


def source_folders(sources: Sequence[Path | str]) -> tuple[str, ...]:
    """Return the absolute paths of the sources that are folders."""
    local = [local_path(source) for source in sources if not is_hub(source)]
    return tuple(os.path.abspath(path) for path in local if path.is_dir())


def belongs_to(path: Path, folders: Sequence[str]) -> tuple[Path, Path]:
    """Return the folder that the ids of a source's files are relative to, and its path in it.

    That is the first of `folders` which the source lies in. Else a folder belongs to itself, and
    a file's id is its name.
    """
    path = Path(os.path.abspath(path))
    # A file that is a link has the id of the place where the link stands.
    place = path.parent.resolve() / path.name if path.is_file() else path.resolve()
    for folder in folders:
        if place.is_relative_to(inside := Path(folder).resolve()):
            return Path(folder), place.relative_to(inside)
    return path, Path(path.name) if path.is_file() else Path()


def source_files(source: Path | str, problems: Problems | None = None) -> list[Path]:
    """Return the files of a source on the disk, in order; hidden ones are left out.

    Folders that cannot be read and links to folders, which are not followed, are problems.
    """
    path, split = _local(source)
    if path.is_file():
        return [path]
    if not path.exists():
        raise InputError(f"{path} does not exist.")
    if not path.is_dir():
        raise InputError(f"{path} is neither a file nor a folder; save what it gives as a file.")
    if is_saved_dataset(path):
        return saved_files(path, split)
    return sorted(_walked(path, problems), key=lambda file: file.relative_to(path).parts)


def _local(source: Path | str) -> tuple[Path, str | None]:
    """Return a source's path, and the split asked for by hf:FOLDER::SPLIT."""
    text = str(source)
    if not text.startswith(PREFIX):
        return Path(source), None
    hub = parse_hub_source(text)
    return Path(hub.dataset), hub.split


def _walked(root: Path, problems: Problems | None) -> list[Path]:
    def unreadable(error: OSError) -> None:
        why = error.strerror or str(error)
        if Path(error.filename) == root:
            raise InputError(f"{root} cannot be read ({why}); change its permissions.")
        if problems is not None:
            problems.report(str(error.filename), None, "unreadable folder", why)

    found: list[Path] = []
    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for linked in (Path(folder, name) for name in folders if Path(folder, name).is_symlink()):
            if problems is not None:
                problems.note(str(linked), "linked folder", "name it as a source to read it")
        found += (Path(folder, name) for name in names if not name.startswith("."))
    return [file for file in found if file.is_file()]
