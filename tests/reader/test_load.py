"""Readers' folders: models with short tables of positions, and folders that are no readers."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from encoder.load import load_encoder
from indexing.documents import Passage
from indexing.errors import InputError
from reader.features import MAX_HEAD
from reader.inference import ReadSettings
from reader.load import load_reader, load_rescorer
from reader.rescoring import RESCORER

TEXT = "paris is the capital of france. which is the capital of germany? " * 30
POSITIONS = "bert.embeddings.position_embeddings.weight"


@pytest.fixture
def folder(tiny_bert, tmp_path):
    shutil.copytree(tiny_bert, tmp_path / "model")
    return tmp_path / "model"


def change_config(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def change_weights(folder, changed):
    weights = load_file(folder / "model.safetensors")
    save_file(changed(weights), folder / "model.safetensors", metadata={"format": "pt"})


def shorten(folder, positions):
    """Cut a checkpoint's table of positions."""
    change_config(folder, max_position_embeddings=positions)
    change_weights(folder, lambda found: found | {POSITIONS: found[POSITIONS][:positions].copy()})


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_rows_are_no_longer_than_the_model(folder, precision):
    shorten(folder, 128)
    passages = [[Passage(0, "d", "", TEXT, 0, len(TEXT))]]
    short = ReadSettings(max_length=128, stride=42)
    found, expected = (
        load_reader(folder, "cpu", precision, settings).reader.read(["which capital?"], passages)
        for settings in (None, short)
    )
    assert found[0]
    assert found == expected
    assert all(np.isfinite(span.start_logprob + span.end_logprob) for span in found[0])


def test_settings_that_fit_stay():
    settings = ReadSettings(max_length=200, stride=40)
    assert settings.within(200) is settings
    assert settings.within(100) == ReadSettings(max_length=100, stride=20)


def test_models_too_short_to_read_are_refused(folder, tmp_path):
    shutil.copytree(folder, folder / RESCORER)
    change_weights(
        folder / RESCORER,
        lambda found: (
            found
            | {
                "relevance.weight": np.zeros((1, 32), np.float32),
                "relevance.bias": np.zeros(1, np.float32),
            }
        ),
    )
    assert load_rescorer(folder, "cpu", "fp32") is not None
    shorten(folder / RESCORER, 128)
    with pytest.raises(InputError, match="rescorer: reads at most 128 word pieces"):
        load_rescorer(folder, "cpu", "fp32")
    least = MAX_HEAD + 31
    shorten(folder, least)
    load_reader(folder, "cpu", "fp32")
    shorten(folder, least - 1)
    with pytest.raises(InputError, match=f"where {least} are needed"):
        load_reader(folder, "cpu", "fp32")


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_encoder_is_no_reader(folder, precision):
    change_weights(folder, lambda found: {k: v for k, v in found.items() if "qa_outputs" not in k})
    with pytest.raises(InputError, match=r"model: its weights lack qa_outputs.*qa train reader"):
        load_reader(folder, "cpu", precision)


def test_a_plain_reader_is_no_rescorer(folder):
    shutil.copytree(folder, folder / RESCORER)
    with pytest.raises(InputError, match=r"rescorer: its weights lack relevance.*qa train resc"):
        load_rescorer(folder, "cpu", "fp32")


@pytest.mark.parametrize("load", [load_reader, load_encoder])
@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"num_hidden_layers": ...}, "'num_hidden_layers' is missing"),
        ({"hidden_size": "wide"}, "a size is no number"),
        ([], "holds no JSON object"),
    ],
)
def test_incomplete_configurations_are_named(folder, load, config, told):
    file = folder / "config.json"
    if isinstance(config, dict):
        changed = json.loads(file.read_text()) | config
        config = {name: value for name, value in changed.items() if value is not ...}
    file.write_text(json.dumps(config))
    with pytest.raises(InputError, match=rf"config\.json: {told}.*; copy it anew"):
        load(str(folder), "cpu", "fp32")


def test_layers_that_the_weights_lack_are_named(folder):
    change_config(folder, num_hidden_layers=3)
    with pytest.raises(InputError, match=r"model: its weights lack 'encoder\.layer\.2"):
        load_reader(folder, "cpu", "fp32")


@pytest.mark.parametrize("load", [load_reader, load_encoder])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_damaged_tokenizers_are_named(folder, load, precision):
    file = folder / "tokenizer.json"
    file.write_text(file.read_text()[:100])
    with pytest.raises(InputError, match=r"tokenizer\.json: not a readable tokenizer"):
        load(str(folder), "cpu", precision)


def test_damaged_settings_of_a_tokenizer_are_named(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text("{")
    with pytest.raises(InputError, match=r"tokenizer_config\.json: not readable JSON"):
        load_reader(folder, "cpu", "fp32")


@pytest.mark.parametrize("load", [load_reader, load_encoder])
@pytest.mark.parametrize("device", ["cuda:99", "foo"])
def test_devices_that_are_not_there_are_named(folder, load, device):
    with pytest.raises(InputError, match=f"device '{device}' is not to be had here .*--device cpu"):
        load(str(folder), device, "fp32")


def test_devices_other_than_the_cpu_need_torch(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match="device 'cuda' needs torch"):
        load_reader(folder, "cuda", "fp32")
