"""A child process for the crash tests: builds, and dies by SIGKILL at a chosen moment."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from indexing import build, files, lexical_build, vectors_build
from indexing.build import BuildSettings, build_index
from indexing.splitting import SplitSettings
from tests.hashing_encoder import HashingEncoder

SETTINGS = BuildSettings(splitting=SplitSettings(words=10, stride=10))


def make_pieces_small(patch=setattr) -> None:
    """Let a small corpus have several pieces of every kind."""
    patch(build, "_PART_DOCUMENTS", 25)
    patch(lexical_build, "_PART", 100)
    patch(vectors_build, "_SHARD", 100)


def build_and_die(sources: list[Path], root: Path, moment: int, resume: bool) -> None:
    """Build; die just before the rename or removal number `moment`, counted from one."""
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
    make_pieces_small()
    build_index(sources, root, SETTINGS, HashingEncoder(), resume=resume)
