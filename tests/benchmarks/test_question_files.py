"""The questions that were written for training: what their READMEs say of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from pipelines.question_records import read_records
from pipelines.questions import load_reading
from pipelines.quoted_labels import answer_ranges

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
INVENTED = BENCHMARKS / "own_documents"
SEARCH = BENCHMARKS / "search_questions"
PARAGRAPHS = BENCHMARKS / "paragraph_questions"
EVERYDAY = BENCHMARKS / "everyday_questions"
FILES = ("train", "held", "train-2", "held-2")


def records(file: Path) -> list[dict]:
    return [dict(record) for _, record in read_records(file)]


def check_quotes(texts: dict[str, str], questions: list[dict]) -> None:
    for one in questions:
        if one["answer"]:
            text = texts[one["document_id"]]
            found = answer_ranges(text, one["quote"], one["answer"])
            assert {text[start:end] for start, end in found} == set(one["answer"]), one


@pytest.mark.parametrize(("part", "count", "unanswered"), [("train", 2502, 291), ("held", 668, 81)])
def test_answers_stand_in_the_quotes_of_the_invented_documents(part, count, unanswered):
    texts = {one["id"]: one["text"] for one in records(INVENTED / "invented.jsonl.xz")}
    questions = records(INVENTED / f"invented-{part}.jsonl.xz")
    assert len(texts) == 275
    assert len(questions) == count
    assert sum(not one["answer"] for one in questions) == unanswered
    for one in questions:
        name = one["document_id"] if one["answer"] else one["near"]
        held = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 5 == 0
        assert held == (part == "held"), name
    check_quotes(texts, questions)


def test_answers_stand_in_the_quotes_of_the_organisations_documents():
    texts = {one["id"]: one["text"] for one in records(INVENTED / "organisations.jsonl.xz")}
    sizes = Counter(name.rpartition("-")[0] for name in texts)
    assert (len(sizes), set(sizes.values())) == (83, {5})
    train, held = (
        records(INVENTED / f"organisations-{part}.jsonl.xz") for part in ("train", "held")
    )
    assert (len(train), sum(not one["answer"] for one in train)) == (5390, 770)
    assert (len(held), sum(not one["answer"] for one in held)) == (420, 60)
    assert len({one["question"].casefold().strip(" ?") for one in train + held}) == 5810
    asked_of = [
        {one["id"].rpartition("-")[0].rpartition("-")[0] for one in part} for part in (train, held)
    ]
    assert not asked_of[0] & asked_of[1]
    assert asked_of[0] | asked_of[1] == set(sizes)
    check_quotes(texts, train + held)


def test_search_questions_have_their_answer_in_the_quote_and_are_asked_once():
    parts = [records(SEARCH / f"{name}.jsonl.xz") for name in FILES]
    every = [one for part in parts for one in part]
    assert [len(part) for part in parts] == [22179, 1143, 27691, 1450]
    assert all(one["answer"][0] in one["quote"] for one in every)
    assert len({one["id"] for one in every}) == len(every)
    assert len({one["question"].casefold().strip(" ?") for one in every}) == len(every)


def test_paragraph_questions_have_their_answers_in_paragraphs_of_other_articles():
    files = [PARAGRAPHS / f"{name}.json.gz" for name in FILES]
    parts = [load_reading(file).examples for file in files]
    assert [len(part) for part in parts] == [34656, 1950, 34597, 1804]
    assert [len({one.context for one in part}) for part in parts] == [6438, 362, 6460, 340]
    titles = [{one["title"] for one in records(file)} for file in files]
    assert not (titles[0] | titles[2]) & (titles[1] | titles[3])
    every = [one for part in parts for one in part]
    assert len({one.id for one in every}) == len(every)
    assert len({one.question.casefold().strip(" ?") for one in every}) == len(every)
    for one in every:
        assert one.answers
        assert all(answer in one.context for answer in one.answers)


@pytest.mark.parametrize(
    ("part", "passages", "counts"),
    [
        ("train", 1885, [1992, 2135, 2016, 1381, 1385, 2112]),
        ("held", 355, [380, 316, 407, 288, 273, 408]),
    ],
)
def test_questions_about_everyday_texts_copy_little_of_their_passages(part, passages, counts):
    examples = load_reading(EVERYDAY / f"{part}.json.xz").examples
    kinds = Counter(one.id.partition("-")[0] for one in examples)
    of = ("news", "reviews", "forum", "talk", "prose", "wiki")
    assert [kinds[kind] for kind in of] == counts
    assert len({one.context for one in examples}) == passages
    assert len({one.id for one in examples}) == len(examples) == sum(counts)
    for one in examples:
        held = int(hashlib.sha256(one.context.encode()).hexdigest(), 16) % 6 == 0
        assert held == (part == "held"), one.id
        assert all(answer in one.context for answer in one.answers), one.id
        words, text = one.question.casefold().split(), " ".join(one.context.casefold().split())
        runs = (" ".join(words[i : i + 5]) for i in range(len(words) - 4))
        assert one.answers
        assert not any(run in text for run in runs), one.question


@pytest.mark.parametrize(
    ("part", "count", "paragraphs"), [("train", 38512, 12896), ("held", 1432, 478)]
)
def test_unanswerable_questions_are_about_paragraphs_that_answer_others(part, count, paragraphs):
    data = load_reading(PARAGRAPHS / f"unanswerable-{part}.json.xz")
    answered = [
        one
        for file in (f"{part}.json.gz", f"{part}-2.json.gz")
        for one in load_reading(PARAGRAPHS / file).examples
    ]
    assert data.version == "2.0"
    assert len(data.examples) == len({one.id for one in data.examples}) == count
    assert len({one.context for one in data.examples}) == paragraphs
    assert not any(one.answers for one in data.examples)
    assert {one.context for one in data.examples} <= {one.context for one in answered}
    asked = {(one.context, one.question.casefold().strip(" ?")) for one in answered}
    assert not asked & {(o.context, o.question.casefold().strip(" ?")) for o in data.examples}
    for record in records(PARAGRAPHS / f"unanswerable-{part}.json.xz"):
        for one in record["plausible_answers"]:
            start = one["answer_start"]
            assert record["context"][start : start + len(one["text"])] == one["text"]
