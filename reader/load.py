"""Readers by name: the bundled checkpoint, or a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from indexing.errors import InputError
from reader.calibration import Calibration, load_calibration
from reader.inference import ReadSettings, SpanReader
from reader.rescoring import RESCORER, MarkedReader, Rescorer

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class LoadedReader:
    """A reader with the calibration of its checkpoint."""

    reader: SpanReader
    calibration: Calibration
    folder: Path


def default_folder() -> Path:
    """Return the folder of the bundled reader."""
    return Path(__file__).parent / "spanqa-minilm"


def reader_folder(name: str | Path | None) -> Path:
    """Return the checkpoint folder that a name stands for.

    Raises:
        InputError: there is no such folder.
    """
    folder = default_folder() if name in (None, DEFAULT) else Path(str(name))
    if not folder.is_dir():
        raise InputError(f"reader {name!r}: no such folder; use 'default' or a checkpoint folder")
    return folder


def load_reader(
    name: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    settings: ReadSettings | None = None,
) -> LoadedReader:
    """Load the bundled reader, or any BERT-type question-answering checkpoint from a folder.

    Raises:
        InputError: the folder is missing or holds no such checkpoint.
    """
    from encoder.bert import reader_head
    from encoder.session import open_session
    from reader.features import ReaderTokenizer

    folder = reader_folder(name)
    session = open_session(folder, reader_head, device, precision)
    reader = SpanReader(ReaderTokenizer.from_folder(folder), session, settings)
    return LoadedReader(reader, load_calibration(folder), folder)


def load_rescorer(reader: Path, device: str = "auto", precision: str = "auto") -> Rescorer | None:
    """Load the rescorer that stands in a reader's folder, if one does.

    Raises:
        InputError: what stands there is no such checkpoint.
    """
    from encoder.bert import reader_head
    from encoder.session import open_session
    from reader.features import ReaderTokenizer

    folder = reader / RESCORER
    if not folder.is_dir():
        return None
    session = open_session(folder, reader_head, device, precision)
    return MarkedReader(ReaderTokenizer.from_folder(folder), session)
