"""Parquet and Arrow files, a batch of rows at a time; local Hugging Face data sets are such."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from indexing.errors import InputError
from indexing.formats.fields import RecordReader
from indexing.formats.source import (
    CorpusOptions,
    Located,
    SourceFile,
    reporting_damage,
)
from indexing.problems import Problems

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 1024


def read_columnar(
    file: SourceFile, options: CorpusOptions, problems: Problems
) -> Iterator[Located]:
    """Read one document a row; the "line" of a row is its number, from 1."""
    import pyarrow as pa

    reader = RecordReader(file, options.fields, problems)
    row = 0
    with reporting_damage(file, problems), ExitStack() as stack:
        path = stack.enter_context(_decompressed(file)) if file.compressed else file.path
        whole = isinstance(path, Path)
        data = pa.memory_map(str(path)) if whole else pa.PythonFile(path, mode="r")
        try:
            for batch in _batches(data, partial(_report_twins, file, problems)):
                for record in _records(batch):
                    row += 1
                    if record is None:
                        problems.report(file.label, row, "invalid UTF-8", "convert it to UTF-8")
                        continue
                    document = reader.document(record, row)
                    if document is not None:
                        yield row, document
        except (pa.ArrowException, OSError) as error:
            first = str(error).split("\n", 1)[0]
            problems.report(file.label, row + 1, "unreadable Parquet or Arrow file", first)
    if not file.compressed:
        file.advance(file.size)


def _decompressed(file: SourceFile) -> IO[bytes]:
    """Return a temporary file with the contents: Parquet is read from its end."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    with file.open() as stream:
        shutil.copyfileobj(stream, copy, 1 << 20)
    copy.seek(0)
    return copy


def _batches(data: pa.NativeFile, look: Callable[[pa.Schema], None]) -> Iterator[pa.RecordBatch]:
    """Yield a file's rows, only those columns that a document can hold; `look` at them first."""
    import pyarrow as pa
    from pyarrow import parquet

    magic = data.read(6)
    data.seek(0)
    if magic.startswith(b"PAR1"):
        table = parquet.ParquetFile(data)
        look(table.schema_arrow)
        names = [table.schema_arrow.names[place] for place in _usable(table.schema_arrow)]
        yield from table.iter_batches(_BATCH, columns=names)
        return
    if magic == b"ARROW1":
        rows = pa.ipc.open_file(data)
        batches: Iterator[pa.RecordBatch] = map(rows.get_batch, range(rows.num_record_batches))
    else:
        rows = pa.ipc.open_stream(data)
        batches = iter(rows)
    look(rows.schema)
    columns = _usable(rows.schema)
    for batch in batches:
        for start in range(0, batch.num_rows, _BATCH):
            yield batch.select(columns).slice(start, _BATCH)


def _report_twins(file: SourceFile, problems: Problems, schema: pa.Schema) -> None:
    """Say which columns are not read, because the last of one name is."""
    for name, count in Counter(schema.names).items():
        if count > 1:
            detail = f"{name}; the last is read, rename the others"
            problems.report(file.label, None, "several columns of one name", detail)


def _records(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | None]:
    """Yield the rows of a batch, None for one whose text cannot be decoded."""
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        if batch.num_rows == 1:
            yield None
            return
        for row in range(batch.num_rows):
            yield from _records(batch.slice(row, 1))


def _usable(schema: pa.Schema) -> list[int]:
    """Return the places of columns but for vectors, pictures and the like, which none keeps."""
    import pyarrow.types as kinds

    def is_text(kind: pa.DataType) -> bool:
        return bool(kinds.is_string(kind) or kinds.is_large_string(kind))

    def usable(kind: pa.DataType) -> bool:
        if kinds.is_list(kind) or kinds.is_large_list(kind):
            return is_text(kind.value_type)
        return bool(
            is_text(kind)
            or kinds.is_integer(kind)
            or kinds.is_floating(kind)
            or kinds.is_boolean(kind)
            or kinds.is_null(kind)
            or kinds.is_dictionary(kind)
            or kinds.is_struct(kind)
        )

    return [place for place, column in enumerate(schema) if usable(column.type)]


def is_saved_dataset(folder: Path) -> bool:
    """Whether a folder was written by `datasets`' save_to_disk."""
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def saved_files(folder: Path, split: str | None) -> list[Path]:
    """Return the Arrow files of a data set saved by save_to_disk, in their order."""
    try:
        if (folder / "dataset_dict.json").is_file():
            splits = json.loads((folder / "dataset_dict.json").read_text("utf-8"))["splits"]
            if split is not None and split not in splits:
                raise InputError(f"{folder} has no split {split!r}; it has {', '.join(splits)}.")
            chosen = splits if split is None else [split]
            return [path for name in chosen for path in saved_files(folder / name, None)]
        state = json.loads((folder / "state.json").read_text("utf-8"))
        return [folder / part["filename"] for part in state["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} is not a complete data set of save_to_disk: {error}."
        ) from error
