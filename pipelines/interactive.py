"""The prompt of `qa ask`: questions, a history, and a few commands."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from encoder.model_cache import cache_folder
from indexing.normalising import normalise

if TYPE_CHECKING:
    from pipelines.answers import AskResult
    from pipelines.ask import QuestionAnswering

HELP = """\
Type a question, or:
  :k N        read N passages for each question
  :answers N  show at most N answers
  :min P      leave out answers less probable than P (0 to 1)
  :hits       show the passages of the last question
  :help       this text
  :quit       leave (or Ctrl-D)"""


@dataclass(frozen=True, slots=True)
class State:
    """What the prompt's commands change."""

    answers: int
    top_k: int
    least: float | None
    last: AskResult | None = None


def converse(
    qa: QuestionAnswering,
    *,
    answers: int,
    top_k: int,
    least: float | None,
    read: Callable[[str], str] = input,
) -> None:
    """Answer questions until the user leaves."""
    from pipelines.render import open_console, show_answers, show_hits

    console = open_console()
    console.print("Ask a question, or type :help.")
    state = State(answers, top_k, least)
    with _history():
        while (line := _line(read)) is not None:
            if not line:
                continue
            if line in (":quit", ":q", ":exit"):
                return
            if line == ":hits":
                show_hits(console, state.last.hits if state.last else ())
            elif line.startswith(":"):
                state, message = obey(state, line)
                console.print(message, markup=False)
            else:
                result = qa.ask(
                    line,
                    answers=state.answers,
                    top_k=state.top_k,
                    min_probability=state.least,
                )
                state = replace(state, last=result)
                show_answers(console, result)


def _line(read: Callable[[str], str]) -> str | None:
    try:
        return normalise(read("? ")).strip()
    except EOFError:
        return None


def obey(state: State, line: str) -> tuple[State, str]:
    """Carry out a command and return the new state and what to say."""
    name, _, value = line[1:].partition(" ")
    try:
        if name == "k" and int(value) > 0:
            return replace(state, top_k=int(value)), f"reading {int(value)} passages"
        if name == "answers" and int(value) > 0:
            return replace(state, answers=int(value)), f"showing up to {int(value)} answers"
        if name == "min" and 0 <= float(value) <= 1:
            return replace(state, least=float(value)), f"answers from probability {float(value)}"
    except ValueError:
        pass
    return state, HELP


@contextlib.contextmanager
def _history() -> Iterator[None]:
    """Keep the lines typed in the cache folder, where readline is to be had."""
    try:
        import readline
    except ImportError:
        yield
        return
    file = cache_folder() / "history"
    with contextlib.suppress(OSError):
        readline.read_history_file(file)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            readline.set_history_length(1000)
            readline.write_history_file(file)
