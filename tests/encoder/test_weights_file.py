"""Weights files against safetensors' own reading, and their mode against that of any new file."""

import os
import stat

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file

from encoder.weights_file import write_weights


@pytest.fixture(params=[0o022, 0o027, 0o077])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def _mode(file):
    return stat.S_IMODE(file.stat().st_mode)


@pytest.mark.parametrize("make", [np.asarray, torch.tensor])
def test_all_whom_the_umask_lets_may_read_weights(make, umask, tmp_path):
    file = tmp_path / "model.safetensors"
    write_weights({"a": make([1.5, -2.0])}, file, {"format": "pt"})
    assert _mode(file) == 0o666 & ~umask
    assert load_file(file)["a"].tolist() == [1.5, -2.0]
    with safe_open(file, "np") as opened:
        assert opened.metadata() == {"format": "pt"}


def test_what_a_killed_run_left_is_written_over(tmp_path, umask):
    left = tmp_path / "model.safetensors.part"
    left.write_bytes(b"half")
    left.chmod(0o600)
    write_weights({"a": np.arange(3)}, tmp_path / "model.safetensors")
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
    assert _mode(tmp_path / "model.safetensors") == 0o666 & ~umask


def test_old_weights_stay_where_new_ones_cannot_be_written(tmp_path):
    file = tmp_path / "model.safetensors"
    write_weights({"a": np.arange(3)}, file)
    with pytest.raises(ValueError, match=r"expected torch\.Tensor but received"):
        write_weights({"a": 3}, file)
    assert load_file(file)["a"].tolist() == [0, 1, 2]
