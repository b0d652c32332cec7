"""The protocol between the driver and a system's runner: one JSON job in, one JSON line out.

A runner is a script that a system's own Python runs with the path of a job file. It needs nothing
of SpanQA: this file is the standard library alone, so that it runs in every environment. A job is

    {"phase": "build" | "cold" | "ask" | "read", "system": name, "settings": {...},
     "passages": FILE, "vectors": FILE, "questions": FILE, "pairs": FILE, "index": FOLDER,
     "reader": FOLDER, "encoder": FOLDER, "top_k": 20, "threads": 2}

and what comes back is described at each phase below. `vectors` is "", or an .npy file of the
passages' vectors in their order: then a system indexes those, and encodes questions alone. Systems
print what they like to standard output; the runner moves that to standard error, so that only the
result is on standard output.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

WARM_UP = 5  # questions asked, and groups read, before the clock starts
READ_RUNS = 3  # times that all pairs are read; the median counts


@dataclass(frozen=True)
class Job:
    """One phase of one system."""

    phase: str
    system: str
    passages: str = ""
    vectors: str = ""
    questions: str = ""
    pairs: str = ""
    index: str = ""
    reader: str = ""
    encoder: str = ""
    top_k: int = 20
    threads: int = 1
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """The top answer of a question, "" for none, and the ids of the passages, best first."""

    answer: str
    passages: list[str]


@dataclass(frozen=True)
class Group:
    """A question with the texts it is to be read in, each by itself."""

    question: str
    texts: list[str]


class System(Protocol):
    """What a runner implements, as far as its system can."""

    def build(self, job: Job) -> None:
        """Index the passages into the folder `job.index`."""

    def open(self, job: Job) -> None:
        """Open that index, and the models, to ask."""

    def ask(self, question: str) -> Asked:
        """Answer one question."""

    def ask_batch(self, questions: Sequence[str]) -> list[Asked]:
        """Answer many questions as fast as the system can."""

    def open_reader(self, job: Job) -> None:
        """Open the reader alone."""

    def read(self, groups: Sequence[Group]) -> list[list[str]]:
        """Return the best answer in each text of each group, as fast as the system can."""


def lines(path: str) -> Iterator[dict[str, Any]]:
    """Yield the records of a JSONL file."""
    with Path(path).open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def content(passage: dict[str, Any]) -> str:
    """Return a passage as a system without titles sees it; SpanQA's encoder gets just the same."""
    return f"{passage['title']}. {passage['text']}" if passage["title"] else passage["text"]


def peak_memory() -> int:
    """Return the most bytes of memory that this process or a child of it has held at a time.

    Of this process, Linux is asked for what it has held since its program began: its resource
    usage begins with what the driver held when it started it.
    """
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    status = Path("/proc/self/status").read_text(encoding="ascii")
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return max(own, children) * 1024


def run(system: Callable[[], System]) -> None:
    """Do the job whose file is named on the command line, and print its result."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    job = Job(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    result = _PHASES[job.phase](system(), job)
    print(json.dumps(result), file=answers, flush=True)
    answers.close()


def _build(system: System, job: Job) -> dict[str, Any]:
    system.build(job)
    return {"peak_memory": peak_memory()}


def _cold(system: System, job: Job) -> dict[str, Any]:
    """Answer one question; the driver, which has started this process, holds the clock."""
    system.open(job)
    question = next(lines(job.questions))
    return asdict(system.ask(question["question"]))


def _ask(system: System, job: Job) -> dict[str, Any]:
    """Ask one by one, then all at once. Times are in seconds."""
    system.open(job)
    questions = [line["question"] for line in lines(job.questions)]
    for question in questions[-WARM_UP:]:
        system.ask(question)
    seconds, asked = [], []
    for question in questions:
        begin = time.perf_counter()
        asked.append(asdict(system.ask(question)))
        seconds.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    batch = system.ask_batch(questions)
    return {
        "seconds": seconds,
        "asked": asked,
        "batch_seconds": time.perf_counter() - begin,
        "batch_answers": [one.answer for one in batch],
        "peak_memory": peak_memory(),
    }


def _read(system: System, job: Job) -> dict[str, Any]:
    system.open_reader(job)
    groups = [Group(line["question"], line["texts"]) for line in lines(job.pairs)]
    system.read(groups[:WARM_UP])
    seconds = []
    for _ in range(READ_RUNS):
        begin = time.perf_counter()
        answers = system.read(groups)
        seconds.append(time.perf_counter() - begin)
    return {
        "seconds": statistics.median(seconds),
        "runs": seconds,
        "answers": answers,
        "peak_memory": peak_memory(),
    }


_PHASES = {"build": _build, "cold": _cold, "ask": _ask, "read": _read}
