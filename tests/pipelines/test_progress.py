"""Lines of progress where there is no terminal."""

from types import SimpleNamespace

from pipelines import progress


def test_a_resumed_stage_shows_the_rate_of_its_own_work(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with progress.LogProgress().stage("encoding", 2_000, "passages") as advance:
        advance(1_000)  # what an earlier run had done
        for _ in range(40):
            now[0] += 1
            advance(10)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "encoding: 1,150 of 2,000 passages, 10/s, 15 s, 85 s left"
    assert lines[1] == "encoding: 1,300 of 2,000 passages, 10/s, 30 s, 70 s left"
    assert lines[2].startswith("encoding: 1,400 of 2,000 passages")


def test_short_stages_say_how_many_and_how_long(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with progress.LogProgress().stage("reading", None, "files") as advance:
        now[0] += 2
        advance(6)
    assert capsys.readouterr().err == "reading: 6 files, 3/s, 2 s\n"
