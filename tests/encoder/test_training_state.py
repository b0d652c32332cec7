"""Where a run begins and goes on: with the settings and the files that it had."""

from dataclasses import dataclass

import pytest

from encoder.training.state import PLAN, open_run
from indexing.errors import InputError


@dataclass(frozen=True)
class Settings:
    base: str
    files: tuple[str, ...]
    rate: float = 0.5
    extra: dict[str, str] | None = None


@pytest.fixture
def files(tmp_path):
    found = [tmp_path / name for name in ("a.json", "b.json", "c.json")]
    for file in found:
        file.write_text(f"of {file.name}")
    return found


@pytest.fixture
def settings(files, tmp_path):
    return Settings(str(tmp_path), (str(files[0]), str(files[1])), extra={"of": str(files[2])})


def test_a_run_goes_on_with_the_same_files_whatever_their_dates(files, settings, tmp_path):
    out = tmp_path / "run"
    run = open_run(out, settings, resume=False)
    assert run.state is None
    run.begin()
    files[0].write_text("of a.json")
    before = (out / PLAN).read_bytes()
    again = open_run(out, settings, resume=True)
    assert again.state is None
    again.begin()
    assert (out / PLAN).read_bytes() == before


@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize("gone", [True, False])
def test_a_file_that_changed_is_named(files, settings, tmp_path, which, gone):
    out = tmp_path / "run"
    open_run(out, settings, resume=False).begin()
    files[which].unlink()
    if not gone:
        files[which].write_text("of B.json")  # as long as it was
    with pytest.raises(InputError, match=rf"{files[which].name}: not the file with which"):
        open_run(out, settings, resume=True)
    files[which].write_text(f"of {files[which].name}")
    open_run(out, settings, resume=True)


def test_other_settings_are_told_before_their_files(files, settings, tmp_path):
    out = tmp_path / "run"
    open_run(out, settings, resume=False).begin()
    other = Settings(settings.base, settings.files[:1], extra=settings.extra)
    with pytest.raises(InputError, match="other settings"):
        open_run(out, other, resume=True)


def test_nothing_is_written_before_a_run_begins(settings, tmp_path):
    out = tmp_path / "run"
    run = open_run(out, settings, resume=False)
    assert not out.exists()
    run.begin()
    assert (out / PLAN).exists()
    with pytest.raises(InputError, match="--resume"):
        open_run(out, settings, resume=False)


@pytest.mark.parametrize("name", ["manifest.json", "model.safetensors"])
def test_a_folder_that_changed_is_named_by_the_file_that_tells_it(settings, tmp_path, name):
    out = tmp_path / "run"
    told = tmp_path / name
    told.write_text("then")
    open_run(out, settings, resume=False).begin()
    (tmp_path / "log.jsonl").write_text("anything")
    open_run(out, settings, resume=True)
    told.write_text("now")
    with pytest.raises(InputError, match=rf"{name}: not the file with which"):
        open_run(out, settings, resume=True)
