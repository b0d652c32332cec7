"""What stands in a reader's folder beside its weights, and what a reader made of it inherits."""

from __future__ import annotations

import shutil
from pathlib import Path

from reader.calibration import FILE
from reader.rescoring import RESCORER


def inherit(target: Path, source: Path) -> None:
    """Copy the calibration and the rescorer of the reader `source`, if it has any, to `target`.

    A reader that was trained on from another, or is a mean with it, answers much as that one does:
    its answers are ranked and read again better so than by plain scores, until `qa calibrate` and
    `qa train rescorer` fit both to the new reader.
    """
    if (source / FILE).is_file():
        shutil.copyfile(source / FILE, target / FILE)
    if (source / RESCORER).is_dir():
        shutil.copytree(source / RESCORER, target / RESCORER, dirs_exist_ok=True)
