"""The mean of checkpoints against numpy on their files."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from indexing.errors import InputError
from pipelines.cli import main


@pytest.fixture
def pair(tiny_bert, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tiny_bert, other)
    weights = load_file(other / "model.safetensors")
    moved = {name: value + np.float32(0.25) for name, value in weights.items()}
    save_file(moved, other / "model.safetensors", metadata={"format": "pt"})
    (other / "training.json").write_text('{"seed": 5}')
    return tiny_bert, other


def test_the_mean_lies_between_and_opens_as_a_reader(pair, tmp_path):
    out = tmp_path / "mean"
    assert main(["train", "average", *map(str, pair), "--out", str(out)]) == 0
    first, second, mean = (load_file(f / "model.safetensors") for f in (*pair, out))
    for name, value in mean.items():
        assert value.dtype == np.float16
        np.testing.assert_allclose(value, (first[name] + second[name]) / 2, atol=2e-3, rtol=1e-3)
    assert json.loads((out / "training.json").read_text())["mean_of"][1] == {"seed": 5}
    from transformers import AutoModelForQuestionAnswering

    AutoModelForQuestionAnswering.from_pretrained(out)


def test_shares_say_how_much_each_counts(pair, tmp_path, capsys):
    out = tmp_path / "mean"
    command = ["train", "average", *map(str, pair), "--out", str(out), "--shares"]
    assert main([*command, "1", "3"]) == 0
    first, second, mean = (load_file(f / "model.safetensors") for f in (*pair, out))
    for name, value in mean.items():
        expected = 0.25 * first[name] + 0.75 * second[name]
        np.testing.assert_allclose(value, expected, atol=2e-3, rtol=1e-3)
    assert json.loads((out / "training.json").read_text())["shares"] == [1.0, 3.0]
    command[command.index(str(out))] = str(tmp_path / "other-mean")
    for wrong in (["1"], ["1", "0"], ["nan", "nan"], ["1", "nan"], ["inf", "1"]):
        assert main([*command, *wrong]) == 2
        assert "2 checkpoints take so many shares" in capsys.readouterr().err
    assert not (tmp_path / "other-mean").exists()


def test_a_folder_that_is_there_stays_as_it_is(pair, tmp_path, capsys):
    first, second = pair
    (second / "calibration.json").write_text("{}")
    before = {file.name: file.read_bytes() for file in second.iterdir()}
    assert main(["train", "average", str(first), str(second), "--out", str(second)]) == 2
    assert f"{second} is there already; choose another --out" in capsys.readouterr().err
    assert {file.name: file.read_bytes() for file in second.iterdir()} == before


def test_checkpoints_of_other_shapes_are_refused(pair, tmp_path, capsys):
    weights = load_file(pair[1] / "model.safetensors")
    weights.pop(sorted(weights)[0])
    save_file(weights, pair[1] / "model.safetensors", metadata={"format": "pt"})
    assert main(["train", "average", *map(str, pair), "--out", str(tmp_path / "mean")]) == 2
    assert "differ in name or shape" in capsys.readouterr().err


def test_one_checkpoint_has_no_mean(pair, tmp_path):
    from reader.averaging import average

    with pytest.raises(InputError, match="two checkpoints"):
        average([pair[0]], tmp_path / "mean")
