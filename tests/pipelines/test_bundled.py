"""The demo's index: where it belongs."""

from __future__ import annotations

import shutil

from encoder import load
from pipelines.bundled import demo_folder


def test_another_encoder_has_a_demo_index_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    usual = demo_folder()
    assert demo_folder() == usual
    other = tmp_path / "encoder"
    shutil.copytree(load.default_folder(), other)
    (other / "config.json").write_text((other / "config.json").read_text() + "\n")
    monkeypatch.setattr(load, "default_folder", lambda: other)
    assert demo_folder() != usual
    assert demo_folder().parent == usual.parent
