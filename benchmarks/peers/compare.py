"""The two comparisons: whole systems on open questions, and readers alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.peers import tables
from benchmarks.peers.environments import python, versions
from benchmarks.peers.inputs import choose_passages, choose_questions, spread, write_lines
from benchmarks.peers.machine import describe
from benchmarks.peers.runners.job import Job
from benchmarks.peers.running import RunnerFailed, run_job, size_on_disk
from benchmarks.peers.scoring import flat, open_quality, open_row, reading_row
from benchmarks.peers.systems import OURS, REFERENCE, System
from benchmarks.peers.weights import export_encoder, export_reader
from encoder.load import default_folder as encoder_folder
from pipelines.questions import load_reading
from reader.load import default_folder as reader_folder

Raw = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What both comparisons share; `failures` fills up with reasons by system."""

    systems: Sequence[System]
    cache: Path
    out: Path
    threads: int
    top_k: int
    cold: int
    lender: Path | None = None
    failures: dict[str, str] = field(default_factory=dict)

    def job(self, system: System, phase: str, **files: str) -> Job:
        """Return a job with the settings and weights of every phase."""
        return Job(
            phase,
            system.name,
            reader=str(self.out / "input" / "reader"),
            encoder=str(self.out / "input" / "encoder"),
            top_k=self.top_k,
            threads=self.threads,
            settings=dict(system.settings),
            **files,
        )

    def prepare(self) -> Path:
        """Write the weights; return the folder of all that the systems get."""
        folder = self.out / "input"
        export_reader(reader_folder(), folder / "reader")
        export_encoder(encoder_folder(), folder / "encoder")
        return folder

    def each(self, run: Callable[[System, str], Raw], phase: str, asking: bool) -> dict[str, Raw]:
        """Run all systems that can; keep what each said, and why it failed if it did."""
        found = {}
        for system in self.systems:
            able = system.asks if asking else system.reads
            if not able or system.name in self.failures:
                continue
            if system.program is not None and shutil.which(system.program) is None:
                self.failures[system.name] = f"needs {system.program}, which is not here"
                continue
            print(f"{phase}: {system.title}", file=sys.stderr, flush=True)
            try:
                raw = run(system, python(system, self.cache))
            except RunnerFailed as error:
                self.failures[system.name] = str(error)
                continue
            write_json(self.out / "raw" / f"{system.name}-{phase}.json", raw)
            found[system.name] = raw
        return found

    def titles(self) -> dict[str, str]:
        """Return how systems are called in tables."""
        return {system.name: system.title for system in self.systems}

    def write(self, heading: str, parts: Mapping[str, str], results: Raw) -> None:
        """Write and print the report."""
        machine = describe()
        lines = [f"# {heading}", "", f"{datetime.now(UTC):%Y-%m-%d}. {self._machine(machine)}"]
        for title, text in parts.items():
            lines += ["", f"## {title}", "", text]
        lines += ["", "In brackets: how many times better SpanQA is. Settings:", ""]
        lines += [f"- {s.title}: {s.note}; {_settings(s)}" for s in self.systems]
        text = "\n".join(lines) + "\n"
        (self.out / "table.md").write_text(text, encoding="utf-8")
        packages = {s.name: versions(python(s, self.cache)) for s in self.systems}
        results |= {"machine": machine, "threads": self.threads, "top_k": self.top_k}
        results |= {"packages": packages, "failures": self.failures}
        write_json(self.out / "results.json", results)
        print(text)

    def _machine(self, machine: Mapping[str, str]) -> str:
        described = "; ".join(f"{key}: {value}" for key, value in machine.items())
        return f"{described}; threads for each system: {self.threads}."


def write_json(path: Path, content: object) -> None:
    """Write a JSON file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _settings(system: System) -> str:
    return ", ".join(f"{key} {value}" for key, value in system.settings.items())


def compare_open(
    comparison: Comparison,
    corpus: Path,
    source: Path,
    passages: int | None,
    limit: int | None,
    pairs: int,
) -> None:
    """Build, ask cold, ask warm, and read the same pairs, with each system that can."""
    folder = comparison.prepare()
    questions, documents = choose_questions(source, limit)
    shared = choose_passages(corpus, passages, documents)
    write_lines(folder / "passages.jsonl", shared.values())
    asked = [{"id": question.id, "question": question.text} for question in questions]
    write_lines(folder / "questions.jsonl", asked)
    given = ""
    if comparison.lender is not None:
        given = str(folder / "vectors.npy")
        # In a process of its own: what a parent holds in memory counts as its children's peak.
        files = [str(comparison.lender), str(folder / "passages.jsonl"), given]
        subprocess.run([sys.executable, "-m", "benchmarks.lent_vectors", *files], check=True)

    def run(system: System, executable: str) -> Raw:
        return _open(comparison, system, executable, folder, given)

    raws = comparison.each(run, "open", asking=True)
    qualities = {
        name: open_quality(questions, raw["ask"]["asked"], shared, comparison.top_k)
        for name, raw in raws.items()
    }
    ours = qualities.get(OURS)
    rows = {
        name: open_row(raw, qualities[name], None if name == OURS else ours)
        for name, raw in raws.items()
    }
    titles = comparison.titles()
    heading = f"{len(questions)} open questions over {len(shared)} passages"
    heading += ", vectors given" if given else ""
    parts = {heading: tables.open_table(rows, comparison.failures, titles, comparison.top_k)}
    groups = []
    if OURS in raws:
        found = zip(asked, raws[OURS]["ask"]["asked"], strict=True)
        count = max(1, pairs // comparison.top_k)
        for question, own in spread(list(found), count):
            texts = [shared[id_]["text"] for id_ in own["passages"]]
            groups.append({"question": question["question"], "texts": texts})
    reading, table = _read(comparison, groups, None)
    parts[f"The reader alone, {comparison.top_k} passages of each of {len(groups)} questions"] = (
        table
    )
    results = {"open": rows, "reading": reading, "passages": len(shared), "n": len(questions)}
    results |= {"corpus": corpus.name, "questions": source.name}
    results["vectors"] = "given" if given else "made by each system"
    comparison.write(f"Peers: {corpus.name}, {source.name}", parts, results)


def _open(comparison: Comparison, system: System, executable: str, folder: Path, given: str) -> Raw:
    index = comparison.out / "indexes" / system.name
    shutil.rmtree(index, ignore_errors=True)
    index.mkdir(parents=True)
    job = comparison.job(
        system, "build", passages=str(folder / "passages.jsonl"), vectors=given, index=str(index)
    )
    build = run_job(system, executable, job)
    lines = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    cold = []
    for number, line in enumerate(spread(lines, comparison.cold)):
        one = folder / f"question-{number}.jsonl"
        one.write_text(line + "\n", encoding="utf-8")
        cold.append(run_job(system, executable, replace(job, phase="cold", questions=str(one))))
    asking = replace(job, phase="ask", questions=str(folder / "questions.jsonl"))
    ask = run_job(system, executable, asking)
    return {"build": build, "disk": size_on_disk(index), "cold": cold, "ask": ask}


def compare_readers(comparison: Comparison, source: Path, limit: int) -> None:
    """Read question-context pairs of a SQuAD file, and score the answers."""
    comparison.prepare()
    examples = spread([e for e in load_reading(source).examples if e.answers], limit)
    groups = [{"question": e.question, "texts": [e.context]} for e in examples]
    rows, table = _read(comparison, groups, [e.answers for e in examples])
    parts = {f"{len(examples)} questions, one context each": table}
    results = {"reading": rows, "n": len(examples), "file": source.name}
    comparison.write(f"Readers: {source.name}", parts, results)


def _read(
    comparison: Comparison,
    groups: Sequence[Mapping[str, Any]],
    golds: Sequence[Sequence[str]] | None,
) -> tuple[dict[str, Raw], str]:
    """Let all readers read the same pairs; return their rows and table."""
    file = write_lines(comparison.out / "input" / "pairs.jsonl", groups)

    def run(system: System, executable: str) -> Raw:
        return run_job(system, executable, comparison.job(system, "read", pairs=str(file)))

    raws = comparison.each(run, "read", asking=False)
    reference = flat(raws[REFERENCE]["answers"]) if REFERENCE in raws else None
    rows = {name: reading_row(raw, reference, golds) for name, raw in raws.items()}
    failures = {
        s.name: comparison.failures[s.name]
        for s in comparison.systems
        if s.reads and s.name in comparison.failures
    }
    return rows, tables.reading_table(rows, failures, comparison.titles())
