from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import report_questions
from pipelines.report_questions import marks, question_list

TEXT = "a🤔b Bob"


def in_javascript(text, start, end):
    """What `text.slice(start, end)` is in JavaScript."""
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


def test_marks_count_as_javascript_does():
    assert marks(TEXT, (4, 7), []) == [(5, 8, 1)]
    assert in_javascript(TEXT, 5, 8) == "Bob"
    assert marks("New York City", (4, 13), [(0, 8)]) == [(0, 4, 2), (4, 8, 3), (8, 13, 1)]
    assert marks("x", None, []) == []


@settings(deadline=None)
@given(
    text=st.text(alphabet="a🤔é", min_size=8, max_size=8),
    answer=st.tuples(st.integers(0, 8), st.integers(0, 8)).map(sorted).map(tuple),
    gold=st.lists(st.integers(0, 8), max_size=4, unique=True).map(sorted),
)
def test_every_character_gets_the_marks_of_the_ranges_it_is_in(text, answer, gold):
    ranges = list(zip(gold[::2], gold[1::2], strict=False))
    found = marks(text, answer, ranges)
    kinds = [0] * (2 * len(text))
    for start, end, kind in found:
        assert start < end
        kinds[start:end] = [kind] * (end - start)
    units = 0
    for place, character in enumerate(text):
        wanted = (answer[0] <= place < answer[1]) * 1
        wanted += any(start <= place < end for start, end in ranges) * 2
        assert kinds[units] == wanted
        units += len(character.encode("utf-16-le")) // 2


def record(id_, text="Bob Dylan sang."):
    return {
        "id": id_,
        "question": f"q{id_}",
        "answers": ["Dylan"],
        "prediction": "Bob",
        "probability": 0.0,
        "exact_match": 0.0,
        "fault": None,
        "rank": 1,
        "category": {"kind": "who"},
        "citation": {"passage_id": 4, "start": 100, "end": 103},
        "passages": [
            {"rank": 1, "id": 4, "document_id": "d", "title": "T", "start": 100, "text": text},
            {"rank": 2, "id": 5, "document_id": "e", "title": "T", "start": 100, "text": text},
        ],
    }


def test_texts_stand_once_and_the_answer_is_marked_where_it_was_taken_from():
    found = question_list([record("1"), record("2")])
    assert len(found["passages"]) == 2
    first = found["questions"][0]
    assert [p["marks"] for p in first["passages"]] == [[(0, 3, 1), (4, 9, 2)], [(4, 9, 2)]]
    assert first["probability"] == 0.0
    assert "fault" not in first


def test_too_many_questions_are_thinned_evenly(monkeypatch):
    monkeypatch.setattr(report_questions, "LISTED", 4)
    found = question_list([record(str(i)) for i in range(10)])
    assert found["total"] == 10
    assert [q["question"] for q in found["questions"]] == ["q0", "q2", "q5", "q7"]
