"""Data sets, saved in folders or on the hub."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from indexing.errors import InputError
from tests.indexing.corpus_files import (
    DOCUMENTS,
    RECORDS,
    as_parquet,
    read,
)


def saved_dataset(folder: Path, parts: list[list[dict[str, str]]]) -> None:
    """Write the layout of `datasets`' save_to_disk."""
    folder.mkdir(parents=True)
    files = [f"data-{n:05}-of-{len(parts):05}.arrow" for n in range(len(parts))]
    for name, rows in zip(files, parts, strict=True):
        table = pa.Table.from_pylist(rows)
        with pa.ipc.new_stream(str(folder / name), table.schema) as writer:
            writer.write_table(table)
    (folder / "state.json").write_text(
        json.dumps({"_data_files": [{"filename": name} for name in files]})
    )
    (folder / "dataset_info.json").write_text("{}")


def test_saved_data_sets(tmp_path):
    saved_dataset(tmp_path / "one", [RECORDS[:1], RECORDS[1:]])
    assert read(tmp_path / "one") == read(f"hf:{tmp_path / 'one'}") == DOCUMENTS
    both = tmp_path / "both"
    saved_dataset(both / "train", [RECORDS[1:]])
    saved_dataset(both / "test", [RECORDS[:1]])
    (both / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert read(both) == DOCUMENTS[::-1]
    assert read(f"hf:{both}::test") == DOCUMENTS[:1]
    with pytest.raises(InputError, match="no split 'dev'; it has train, test"):
        read(f"hf:{both}::dev")


def test_the_real_save_to_disk(tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_list(RECORDS).save_to_disk(tmp_path / "saved", num_shards=2)
    assert read(tmp_path / "saved") == DOCUMENTS


def test_hub_data_sets_are_streamed(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    (tmp_path / "train.parquet").write_bytes(as_parquet())
    asked = []

    def load_dataset(name, config, *, split, streaming):
        asked.append((name, config, split, streaming))
        return real("parquet", data_files=str(tmp_path / "train.parquet"), streaming=True)

    real = datasets.load_dataset
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert read("hf:owner/name:en:train") == DOCUMENTS
    assert asked == [("owner/name", "en", "train", True)]

    def fail(*args, **kwargs):
        raise ConnectionError("no way to the hub\nmore")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(InputError, match="Cannot load the data set hf:owner/name: no way"):
        read("hf:owner/name")
    with pytest.raises(InputError, match="hf:NAME:CONFIG:SPLIT"):
        read("hf:")
