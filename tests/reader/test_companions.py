"""What a trained or averaged reader inherits from the one it was made of."""

import json
import shutil
from pathlib import Path

import pytest

from pipelines.cli import main
from reader.calibration import UNCALIBRATED, load_calibration
from reader.load import load_reader, load_rescorer
from reader.model import load_model, save_model


@pytest.fixture(scope="module")
def base(tiny_bert, tmp_path_factory):
    """Return a reader with a rescorer, whose seed tells it, and a calibration of its own."""
    folder = tmp_path_factory.mktemp("base") / "reader"
    shutil.copytree(tiny_bert, folder)
    save_model(load_model(tiny_bert), tiny_bert, folder / "rescorer", half=True)
    (folder / "rescorer" / "training.json").write_text('{"seed": 5}')
    fitted = {
        "ranking": {"span": 0.4},
        "logistic": dict.fromkeys(("bias", "share", "logit", "relevance"), 0.5)
        | dict.fromkeys(("log_rank", "log_support", "log_passages"), 0.0),
        "threshold": 0.2,
    }
    (folder / "calibration.json").write_text(json.dumps(fitted))
    return folder


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    file = tmp_path_factory.mktemp("questions") / "squad.json"
    text = "berlin is the capital of germany"
    qas = [
        {
            "id": "1",
            "question": "what is the capital",
            "answers": [{"text": "berlin", "answer_start": 0}],
        }
    ]
    file.write_text(
        json.dumps({"data": [{"title": "", "paragraphs": [{"context": text, "qas": qas}]}]})
    )
    return file


def trained(base: Path, questions: Path, out: Path) -> int:
    return main(["train", "reader", str(questions), "--base", str(base), "--out", str(out),
                 "--max-steps", "1", "--development", "0", "--negatives", "0"])  # fmt: skip


def test_a_reader_trained_on_ranks_and_reads_again_as_its_base_did(base, questions, tmp_path):
    out = tmp_path / "out"
    assert trained(base, questions, out) == 0
    assert load_calibration(out) == load_calibration(base) != UNCALIBRATED
    for file in (base / "rescorer").iterdir():
        assert (out / "rescorer" / file.name).read_bytes() == file.read_bytes()
    assert load_rescorer(out, "cpu", "fp32") is not None
    assert (out / "model.safetensors").read_bytes() != (base / "model.safetensors").read_bytes()


def test_a_reader_of_a_bare_encoder_has_neither(tiny_bert, questions, tmp_path):
    out = tmp_path / "out"
    assert trained(tiny_bert, questions, out) == 0
    assert load_reader(out, "cpu", "fp32").calibration == UNCALIBRATED
    assert load_rescorer(out, "cpu", "fp32") is None


def test_a_mean_has_those_of_its_first_reader(base, tiny_bert, tmp_path):
    for name, folders in (("first", (base, tiny_bert)), ("second", (tiny_bert, base))):
        assert main(["train", "average", *map(str, folders), "--out", str(tmp_path / name)]) == 0
    assert load_calibration(tmp_path / "first") == load_calibration(base)
    assert (tmp_path / "first/rescorer/training.json").read_text() == '{"seed": 5}'
    assert not (tmp_path / "second/calibration.json").exists()
    assert not (tmp_path / "second/rescorer").exists()
