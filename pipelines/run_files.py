"""Files that an evaluation leaves in its report folder.

- `run.trec`: what was found, as trec_eval reads it: documents where right documents are known, else
  passages;
- `predictions.json`: `{id: answer}`, as the official SQuAD scripts read it;
- `predictions.jsonl`: a line of details for each question, written as the evaluation goes, from
  which an interrupted one goes on;
- `settings.json`: the kind of evaluation, and what the predictions were made with;
- `result.json`: the scores;
- `report.html`: all of it to look at (`pipelines.report`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from indexing.errors import InputError, QAError
from pipelines.qrels import HitRow, Unit, ranked_items

SETTINGS = "settings.json"
Kind = Literal["open", "reading", "retrieval", "graph"]


def write_trec_run(
    path: Path, found: Iterable[tuple[str, Iterable[HitRow]]], tag: str, unit: Unit
) -> None:
    """Write lines `question Q0 item rank score tag`, items being passages or documents.

    Spaces in ids become underscores.
    """
    with _writing(path), path.open("w", encoding="utf-8") as file:
        for question, rows in found:
            file.writelines(
                f"{_joined(question)} Q0 {_joined(item)} {rank} {score:.6f} {_joined(tag)}\n"
                for rank, (item, score) in enumerate(ranked_items(rows, unit).items(), start=1)
            )


def _joined(text: str) -> str:
    return "_".join(text.split())


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write one JSON document."""
    with _writing(path):
        path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def write_text(path: Path, text: str) -> None:
    """Write a text; what is no character (half a surrogate pair) becomes a question mark."""
    with _writing(path):
        path.write_text(text, encoding="utf-8", errors="replace")


def write_records(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line."""
    with _writing(path), path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def read_saved(folder: Path) -> tuple[dict[str, Mapping[str, Any]], Mapping[str, Any]]:
    """Return a saved run's records by question id, and the settings it was made with.

    Raises:
        InputError: the folder holds no run, or it is damaged.
    """
    records, settings = folder / "predictions.jsonl", folder / SETTINGS
    if not records.is_file():
        raise InputError(f"{folder} holds no predictions.jsonl; give the --report folder of a run.")
    return _complete_lines(records), _kept_settings(settings) if settings.is_file() else {}


def make_report_folder(folder: Path, kind: Kind) -> None:
    """Make the folder, or say in words why not.

    Raises:
        InputError: it holds the report of another kind of evaluation.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    settings = folder / SETTINGS
    found = _kept_settings(settings).get("kind") if settings.exists() else kind
    if found != kind:
        raise InputError(
            f"{folder} holds the report of another kind of evaluation ({found or 'unknown'}, not "
            f"{kind}); give another --report folder, or remove that one."
        )


def write_settings(folder: Path, kind: Kind, settings: Mapping[str, Any]) -> None:
    """Write of which kind a report is, and what its predictions were made with."""
    write_json(folder / SETTINGS, {"kind": kind, **settings})


class PredictionLog:
    """Details of each question's prediction, kept by question id as the evaluation goes."""

    def __init__(self, folder: Path, kind: Kind, settings: Mapping[str, Any]) -> None:
        """Open a new log or one that was interrupted; kind and settings must be the same."""
        make_report_folder(folder, kind)
        self._path = folder / "predictions.jsonl"
        kept = folder / SETTINGS
        if self._path.exists() and kept.exists():
            _check_settings(folder, _kept_settings(kept), {"kind": kind, **settings})
            self.records = _complete_lines(self._path)
            _cut_unfinished(self._path)
        else:
            self._path.unlink(missing_ok=True)
            write_settings(folder, kind, settings)
            self.records = {}

    def add(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Append records, each with its `id`; they are on the disk when this returns."""
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        with _writing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(lines)
        self.records.update((record["id"], record) for record in records)


def _kept_settings(path: Path) -> Mapping[str, Any]:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: damaged; remove the folder and rerun.") from error


def _check_settings(folder: Path, kept: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    for name in sorted({*kept, *settings}):
        then, now = kept.get(name), settings.get(name)
        if isinstance(then, Mapping) and isinstance(now, Mapping):
            _check_settings(folder, then, now)
        elif then != now:
            raise InputError(
                f"{folder} holds predictions of another run ({name} was {then!r}, now {now!r}); "
                "give another --report folder, or remove that one."
            )


def _complete_lines(path: Path) -> dict[str, Mapping[str, Any]]:
    """Read the lines that were written to their end."""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    records = {}
    for number, line in enumerate(data[:whole].splitlines(), start=1):
        try:
            record = json.loads(line)
            records[record["id"]] = record
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}:{number}: damaged; remove the folder and rerun.") from error
    return records


def _cut_unfinished(path: Path) -> None:
    """Cut off a last line that was not written to its end."""
    whole = path.read_bytes().rfind(b"\n") + 1
    with path.open("r+b") as file:
        file.truncate(whole)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise QAError(f"Cannot write {path}: {error.strerror or error}.") from error
