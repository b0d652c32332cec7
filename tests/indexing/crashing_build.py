"""A child process for the crash tests: builds, and dies by SIGKILL at a chosen moment."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from indexing import files, lexical_build, segment_writing, vectors_build
from indexing.build import BuildSettings, build_index
from indexing.changes import add_documents, delete_documents
from indexing.compaction import compact
from indexing.splitting import SplitSettings
from tests.hashing_encoder import HashingEncoder

SETTINGS = BuildSettings(splitting=SplitSettings(words=10, stride=10))


def make_pieces_small(patch=setattr) -> None:
    """Let a small corpus have several pieces of every kind."""
    patch(segment_writing, "_PART_DOCUMENTS", 25)
    patch(lexical_build, "_PART", 100)
    patch(vectors_build, "_SHARD", 100)


def build_and_die(sources: list[Path], root: Path, moment: int, resume: bool) -> None:
    """Build; die just before the rename or removal number `moment`, counted from one."""
    die_at(moment)
    make_pieces_small()
    build_index(sources, root, SETTINGS, HashingEncoder(), resume=resume)


def change_and_die(root: Path, action: str, argument: object, moment: int) -> None:
    """Change an index; die as `build_and_die` does."""
    die_at(moment)
    encoder = HashingEncoder()
    if action == "add":
        add_documents(root, [argument], encoder, replacing=True)
    elif action == "delete":
        delete_documents(root, argument)
    else:
        compact(root, encoder)


def die_at(moment: int) -> None:
    """Let this process die just before the rename or removal number `moment`."""
    left = moment

    def counted(action):
        def act(*arguments, **named):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return action(*arguments, **named)

        return act

    files.os.replace = counted(os.replace)
    shutil.rmtree = counted(shutil.rmtree)
