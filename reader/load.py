"""Readers by name: the bundled checkpoint, or a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from encoder.checkpoint import check_weights, read_config
from encoder.session import Session
from indexing.errors import InputError
from reader.calibration import Calibration, load_calibration
from reader.features import MAX_HEAD, ReaderTokenizer
from reader.inference import ReadSettings, SpanReader
from reader.rescoring import LONGEST_MARKED, RESCORER, MarkedReader, Rescorer

DEFAULT = "default"
_SPANS = ("qa_outputs.weight", "qa_outputs.bias")
_RELEVANCE = ("relevance.weight", "relevance.bias")


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
    folder = reader_folder(name)
    check_weights(folder, _SPANS, "no reader; `qa train reader --base` makes one of an encoder")
    wanted = settings or ReadSettings()
    fitting = wanted.within(_positions(folder, MAX_HEAD + wanted.max_answer + 1))
    reader = SpanReader(*_opened(folder, device, precision), fitting)
    return LoadedReader(reader, load_calibration(folder), folder)


def load_rescorer(reader: Path, device: str = "auto", precision: str = "auto") -> Rescorer | None:
    """Load the rescorer that stands in a reader's folder, if one does.

    Raises:
        InputError: what stands there is no such checkpoint.
    """
    folder = reader / RESCORER
    if not folder.is_dir():
        return None
    check_weights(folder, (*_SPANS, *_RELEVANCE), "no rescorer; `qa train rescorer` makes one")
    _positions(folder, LONGEST_MARKED)
    return MarkedReader(*_opened(folder, device, precision))


def _positions(folder: Path, least: int) -> int:
    """Return how many word pieces a checkpoint reads at once."""
    positions = read_config(folder).positions
    if positions < least:
        raise InputError(
            f"{folder}: reads at most {positions} word pieces at once, where {least} are needed; "
            "use a model with a larger max_position_embeddings"
        )
    return positions


def _opened(folder: Path, device: str, precision: str) -> tuple[ReaderTokenizer, Session]:
    from encoder.bert import reader_head
    from encoder.session import open_session

    return ReaderTokenizer.from_folder(folder), open_session(folder, reader_head, device, precision)
