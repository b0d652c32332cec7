from __future__ import annotations

from pipelines.answers import AskResult
from pipelines.interactive import State, converse, obey


def test_commands_change_the_state():
    state = State(answers=3, top_k=20, least=None)
    assert obey(state, ":k 50")[0].top_k == 50
    assert obey(state, ":answers 1")[0].answers == 1
    assert obey(state, ":min 0.4")[0].least == 0.4
    for wrong in (":k", ":k x", ":k 0", ":min 2", ":frobnicate"):
        same, message = obey(state, wrong)
        assert same == state
        assert ":quit" in message


def test_a_conversation(capsys):
    asked = []

    class Asker:
        def ask(self, question, **settings):
            asked.append((question, settings["top_k"]))
            return AskResult(question, (), (), {})

    lines = iter(["", "first?", ":k 7", "second\udcff?", ":hits", ":quit", "never"])
    converse(Asker(), answers=3, top_k=20, least=None, read=lambda _: next(lines))
    assert asked == [("first?", 20), ("second\ufffd?", 7)]
    assert "No answer found." in capsys.readouterr().out


def test_the_end_of_input_ends_it():
    def closed(_):
        raise EOFError

    converse(None, answers=3, top_k=20, least=None, read=closed)
