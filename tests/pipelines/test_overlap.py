from __future__ import annotations

import json
import random
import re

from benchmarks.overlap import compare, main, read_contents


def contents(questions, contexts=()):
    places = [("x", {"question": q}) for q in questions]
    return read_contents(places + [("x", {"question": "-", "context": c}) for c in contexts])


def runs(text):
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 8]) for i in range(max(1, len(words) - 7))} if words else set()


def test_runs_like_plain_sets():
    draw = random.Random(0)
    shared = [f"w{i}" for i in range(40)]

    def text():
        words = [draw.choice("abcdefgh") for _ in range(draw.randrange(30))]
        start = draw.randrange(40)
        return " ".join(words + shared[start : start + draw.randrange(12)]) + "."

    train, test = ([text() for _ in range(40)] for _ in range(2))
    counts = compare(contents([], train), contents([], test))
    known = set().union(*map(runs, train))
    shares = [len(runs(t) & known) / len(runs(t)) for t in set(test) if runs(t)]
    everything = set().union(*map(runs, test))
    assert counts["touched_contexts"] == sum(share > 0 for share in shares)
    assert counts["half_shared_contexts"] == sum(share >= 0.5 for share in shares)
    assert (counts["grams"], counts["shared_grams"]) == (len(everything), len(everything & known))
    assert 0 < counts["half_shared_contexts"] < counts["touched_contexts"] < counts["contexts"]


def test_questions_are_compared_normalised():
    counts = compare(
        contents(["Who wrote the U.S. anthem?", "b"]), contents(["who wrote US anthem"])
    )
    assert counts == {"questions": 1, "shared_questions": 1}


def test_table_and_json(tmp_path, capsys):
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    train.write_text('{"question": "a b", "answer": "x"}\n')
    test.write_text('{"question": "A b?", "answer": "x"}\n{"question": "c", "answer": "x"}\n')
    main(["--train", str(train), "--test", str(test)])
    table = capsys.readouterr().out
    assert "| train.jsonl | test.jsonl | 1 (50.00 %) | - | - | - |" in table
    main(["--train", str(train), "--test", str(test), "--json"])
    assert json.loads(capsys.readouterr().out)[0]["shared_questions"] == 1
