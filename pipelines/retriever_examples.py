"""Training examples for the encoder: from mined files, and from SQuAD-type files.

A passage too long for the encoder to see whole is cut as an index cuts it; the pieces that hold
an answer are the positives. Questions of SQuAD-type files get hard negatives: what BM25 ranks
high among all paragraphs of all files, and holds no answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from indexing.documents import Document
from indexing.errors import InputError
from indexing.ranked_texts import rank_texts
from indexing.splitting import SplitSettings, split
from pipelines.answer_masks import AnswerMasks
from pipelines.answer_places import Range
from pipelines.gold_answers import answer_texts, given_answers, gold_places, record_title
from pipelines.question_records import read_records
from reader.mined_passages import mined_passages
from retriever.training.examples import TrainingExamples, TrainingQuestion

_LONG = 180  # words; about the 256 word pieces that the bundled encoder sees
_DEPTH = 50
_NEGATIVES = 10


def load_examples(files: Sequence[Path | str]) -> TrainingExamples:
    """Read files of `qa train mine` and SQuAD-type files, told apart by what is in them.

    Questions without an answer, or without a passage that holds one, are left out.

    Raises:
        InputError: a record is neither, with its file and place.
    """
    collected = Collected()
    for file in files:
        for place, record in read_records(file):
            if not isinstance(record.get("question"), str) or not record["question"].strip():
                raise InputError(f"{place}: 'question' is missing or is not a text.")
            if "passages" in record:
                _add_mined(collected, record, place)
            elif isinstance(record.get("context"), str):
                _add_squad(collected, record, place)
            else:
                raise InputError(
                    f"{place}: neither a line of `qa train mine` nor a SQuAD-type question with "
                    "its 'context'; find passages for it with `qa train mine`."
                )
    return collected.examples()


class Collected:
    """Questions with their answers over distinct passages, as they are found."""

    def __init__(self) -> None:
        self._passages: dict[tuple[str, str], int] = {}
        self._questions: list[TrainingQuestion] = []
        self._answers: list[tuple[str, ...]] = []
        self._bare: list[int] = []  # questions that want hard negatives

    def add_passage(self, title: str, text: str) -> int:
        """Return the number of a passage."""
        return self._passages.setdefault((title, text), len(self._passages))

    def add_question(
        self,
        text: str,
        answers: Sequence[str],
        positives: Sequence[int],
        negatives: Sequence[int] | None,
    ) -> None:
        """Take in a question; without negatives (None) BM25 will find some."""
        if negatives is None:
            self._bare.append(len(self._questions))
        own = tuple(dict.fromkeys(positives))
        others = tuple(dict.fromkeys(n for n in negatives or () if n not in own))
        self._questions.append(TrainingQuestion(text.strip(), own, others))
        self._answers.append(tuple(answers))

    def examples(self) -> TrainingExamples:
        """Return all that was taken in, with the hard negatives that BM25 finds."""
        passages = list(self._passages)
        masks = AnswerMasks(self._answers, [text for _, text in passages])
        if self._bare:
            texts = [f"{title} {text}" for title, text in passages]
            found = rank_texts(texts, [self._questions[q].text for q in self._bare], _DEPTH)
            for question, ranked in zip(self._bare, found.tolist(), strict=True):
                own = self._questions[question]
                others = [number for number in ranked if number not in own.positives]
                wrong = tuple(_without_answer(masks, question, others))
                self._questions[question] = replace(own, negatives=wrong)
        return TrainingExamples(passages, self._questions, masks)


def _without_answer(masks: AnswerMasks, question: int, ranked: Sequence[int]) -> list[int]:
    """Return the best passages without an answer; what ranks below them is not looked at."""
    wrong: list[int] = []
    for begin in range(0, len(ranked), _NEGATIVES):
        some = ranked[begin : begin + _NEGATIVES]
        (held,) = masks.held([question], some)
        wrong += [number for number, right in zip(some, held, strict=True) if not right]
        if len(wrong) >= _NEGATIVES:
            break
    return wrong[:_NEGATIVES]


def _add_mined(collected: Collected, record: Any, place: str) -> None:
    positives: list[int] = []
    negatives: list[int] = []
    answers = list(answer_texts(record.get("answers")))
    for passage in mined_passages(record, place):
        answers += [passage.text[start:end] for start, end in passage.places]
        right, wrong = _cut(passage.text, passage.places)
        if passage.places:
            positives += [collected.add_passage(passage.title, one) for one in right]
        else:
            negatives += [collected.add_passage(passage.title, one) for one in wrong]
    if positives:
        collected.add_question(record["question"], answers, positives, negatives)


def _add_squad(collected: Collected, record: Any, place: str) -> None:
    given, context = given_answers(record), record["context"]
    answers = answer_texts(given)
    places = gold_places(given, context)
    if answers and not places:
        raise InputError(
            f"{place}: the answer {answers[0]!r} does not stand in the question's 'context'; "
            "correct the text, or take the question out."
        )
    right, wrong = _cut(context, places)
    title = record_title(record)
    positives = [collected.add_passage(title, one) for one in right]
    for one in wrong:
        collected.add_passage(title, one)
    if answers:
        collected.add_question(record["question"], answers, positives, None)


def _cut(text: str, places: Sequence[Range]) -> tuple[list[str], list[str]]:
    """Return the pieces of a text that hold an answer, and the others.

    An answer across a border belongs to the piece in which it begins.
    """
    if len(text.split()) <= _LONG:
        return ([text], []) if places else ([], [text])
    right: list[str] = []
    wrong: list[str] = []
    for start, end in split(Document("", "", text), SplitSettings()):
        holds = any(start <= first < end for first, _ in places)
        (right if holds else wrong).append(text[start:end])
    return right, wrong
