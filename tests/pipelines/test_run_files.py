from __future__ import annotations

import json

import pytest

from indexing.errors import InputError, QAError
from pipelines.run_files import (
    PredictionLog,
    make_report_folder,
    write_json,
    write_settings,
    write_trec_run,
)


def test_trec_run_lines(tmp_path):
    file = tmp_path / "run.trec"
    found = [("q 1", [(7, 2.5, "a b"), (3, 1.0, "c"), (8, 0.5, "a b")]), ("q2", [])]
    write_trec_run(file, found, "my run", "passages")
    lines = ["7 1 2.500000", "3 2 1.000000", "8 3 0.500000"]
    assert file.read_text() == "".join(f"q_1 Q0 {line} my_run\n" for line in lines)
    write_trec_run(file, found, "my run", "documents")
    lines = ["a_b 1 2.500000", "c 2 1.000000"]
    assert file.read_text() == "".join(f"q_1 Q0 {line} my_run\n" for line in lines)


def test_log_goes_on_after_a_cut(tmp_path):
    log = PredictionLog(tmp_path / "r", "open", {"top_k": 20})
    log.add([{"id": "a", "text": "é\u2028"}, {"id": "b", "text": "2"}])
    file = tmp_path / "r" / "predictions.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:-4])  # killed while the second line was written
    again = PredictionLog(tmp_path / "r", "open", {"top_k": 20})
    assert again.records == {"a": {"id": "a", "text": "é\u2028"}}
    again.add([{"id": "b", "text": "2"}])
    assert file.read_bytes() == whole
    assert list(PredictionLog(tmp_path / "r", "open", {"top_k": 20}).records) == ["a", "b"]


def test_log_of_another_run_is_refused(tmp_path):
    PredictionLog(tmp_path, "open", {"top_k": 20}).add([{"id": "a"}])
    with pytest.raises(InputError, match=r"another run \(top_k was 20, now 50\)"):
        PredictionLog(tmp_path, "open", {"top_k": 50})
    with pytest.raises(InputError, match=r"another run \(reader was None, now 'x'\)"):
        PredictionLog(tmp_path, "open", {"top_k": 20, "reader": "x"})


def test_settings_may_change_before_the_first_prediction(tmp_path):
    PredictionLog(tmp_path, "open", {"top_k": 20})
    PredictionLog(tmp_path, "open", {"top_k": 50}).add([{"id": "a"}])
    assert json.loads((tmp_path / "settings.json").read_text()) == {"kind": "open", "top_k": 50}


def test_a_report_of_another_kind_is_refused(tmp_path):
    write_settings(tmp_path, "reading", {"notes": {}})
    make_report_folder(tmp_path, "reading")
    words = r"another kind of evaluation \(reading, not open\); give another --report"
    with pytest.raises(InputError, match=words):
        make_report_folder(tmp_path, "open")
    with pytest.raises(InputError, match=words):
        PredictionLog(tmp_path, "open", {"notes": {}})
    write_json(tmp_path / "settings.json", {"notes": {}})
    with pytest.raises(InputError, match=r"\(unknown, not open\)"):
        make_report_folder(tmp_path, "open")


def test_damage_is_named_with_its_line(tmp_path):
    log = PredictionLog(tmp_path, "open", {})
    log.add([{"id": "a"}])
    with (tmp_path / "predictions.jsonl").open("a") as file:
        file.write("nonsense\n")
    with pytest.raises(InputError, match=r"predictions\.jsonl:2: damaged"):
        PredictionLog(tmp_path, "open", {})
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(InputError, match=r"settings\.json: damaged"):
        PredictionLog(tmp_path, "open", {})


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(QAError, match=r"Cannot write .*file"):
        make_report_folder(tmp_path / "file" / "below", "open")
    with pytest.raises(QAError, match=r"Cannot write .*missing"):
        write_json(tmp_path / "missing" / "x.json", {})
