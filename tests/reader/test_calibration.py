from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from indexing.errors import InputError
from reader.calibration import (
    UNCALIBRATED,
    Calibration,
    load_calibration,
    probability,
    save_calibration,
)
from reader.normalising import normalise_answer
from reader.ranking import FEATURES, RankingWeights
from reader.reordering import ReorderingWeights


def test_probability_is_the_logistic_function_of_the_features():
    weights = tuple(0.1 * i for i in range(len(FEATURES)))
    features = tuple(float(i) for i in range(len(FEATURES)))
    logit = sum(a * b for a, b in zip(weights, features, strict=True))
    calibration = Calibration(RankingWeights(), weights)
    assert probability(features, calibration) == pytest.approx(1 / (1 + math.exp(-logit)))
    moved = replace(calibration, shift=-0.7)
    assert probability(features, moved) == pytest.approx(1 / (1 + math.exp(0.7 - logit)))


def test_stored_and_loaded(tmp_path):
    calibration = Calibration(RankingWeights(0.7, 0.2), tuple(0.5 + i for i in range(8)), 0.15)
    calibration = replace(calibration, reordering=ReorderingWeights(0.8, 0.3))
    calibration = replace(calibration, typical=0.3, shift=-0.4)
    save_calibration(tmp_path, calibration, {"asking": {"questions": 100}})
    save_calibration(tmp_path, calibration, {"reading": {"questions": 7}})
    notes = json.loads((tmp_path / "calibration.json").read_text())["notes"]
    assert notes == {"asking": {"questions": 100}, "reading": {"questions": 7}}
    assert load_calibration(tmp_path) == calibration
    (tmp_path / "calibration.json").write_text("{}")
    with pytest.raises(InputError, match=r"calibration\.json"):
        load_calibration(tmp_path)
    assert load_calibration(tmp_path / "empty") == UNCALIBRATED


def test_a_calibration_without_the_newer_weights_is_read_as_before(tmp_path):
    save_calibration(tmp_path, UNCALIBRATED, {"asking": {}})
    file = tmp_path / "calibration.json"
    raw = json.loads(file.read_text())
    for name in ("echo", "coverage", "mentions"):
        assert raw["ranking"].pop(name) == 0
    assert raw["logistic"].pop("again") == 0
    assert raw.pop("reordering") == {"before": 1.0, "again": 1.0}
    assert raw.pop("typical") is None
    assert raw.pop("shift") == 0
    file.write_text(json.dumps(raw))
    assert load_calibration(tmp_path) == UNCALIBRATED


def test_a_new_fit_ends_the_notes_on_a_shift(tmp_path):
    def notes():
        return sorted(json.loads((tmp_path / "calibration.json").read_text())["notes"])

    save_calibration(tmp_path, UNCALIBRATED, {"asking": {}, "reading": {}})
    save_calibration(tmp_path, UNCALIBRATED, {"unlabelled": {}})
    assert notes() == ["asking", "reading", "unlabelled"]
    save_calibration(tmp_path, UNCALIBRATED, {"asking": {}})
    assert notes() == ["asking", "reading"]


@pytest.mark.parametrize(
    ("text", "normal"),
    [("The U.S.", "us"), ("a  Cat and an owl", "cat and owl"), ("“Moon”", "“moon”"), ("the", "")],
)
def test_normalisation_is_squad_s(text, normal):
    assert normalise_answer(text) == normal
