"""Questions that their paragraph does not answer, made of questions that it does.

What decides the answer is exchanged: a number for another one, a name for another name of the
same paragraph, a word for its opposite. The paragraph stays about what is asked, as in SQuAD 2.0.
These are edits like those of Jia and Liang 2017, by which Rajpurkar et al. 2018 also make negatives
of answerable questions.
"""

from __future__ import annotations

import re

import numpy as np

from indexing.words import STOP_WORDS

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NAME = re.compile(r"\b[A-Z][\w'\u2019-]*(?: (?:of |the |de )?[A-Z][\w'\u2019-]*)*")
_WORD = re.compile(r"\w+")
_LEADING = STOP_WORDS | {
    *("how", "what", "when", "where", "which", "who", "whom", "whose", "why"),
    *("after", "before", "during", "from", "on", "since", "until", "under", "while"),
    *("did", "do", "does", "he", "her", "his", "its", "she", "we", "i", "name"),
}
_PAIRS = (
    "first last, largest smallest, biggest smallest, most least, more less, more fewer, "
    "highest lowest, high low, higher lower, longest shortest, long short, oldest newest, "
    "oldest youngest, old new, older younger, earliest latest, earlier later, early late, "
    "before after, north south, northern southern, east west, eastern western, "
    "increase decrease, increased decreased, rise fall, rose fell, won lost, win lose, "
    "always never, above below, inside outside, began ended, begin end, started stopped, "
    "male female, men women, man woman, son daughter, father mother, brother sister, "
    "husband wife, king queen, best worst, major minor, majority minority, public private, "
    "left right, upper lower, rural urban, positive negative, allowed forbidden, "
    "accepted rejected, supported opposed, with without, maximum minimum, fastest slowest, "
    "strongest weakest, richest poorest, wealthy poor, buy sell, bought sold, opened closed, "
    "born killed, same different, ancient modern, internal external, legal illegal"
)


def _opposites() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for pair in _PAIRS.split(", "):
        left, right = pair.split()
        found[left] = (*found.get(left, ()), right)
        found[right] = (*found.get(right, ()), left)
    return found


OPPOSITES = _opposites()


def altered_question(
    question: str, paragraph: str, answers: tuple[str, ...], generator: np.random.Generator
) -> str | None:
    """Exchange one word, number or name of a question; None if nothing in it can be exchanged.

    Args:
        question: a question that the paragraph answers.
        paragraph: where names and numbers to put in are taken from.
        answers: its answers, for which nothing is exchanged: a question that names its own old
            answer would be told by that.
        generator: what chooses among the edits.
    """
    edits = [
        *_names(question, paragraph, answers),
        *_numbers(question, paragraph, answers),
        *_opposite_words(question),
    ]
    if not edits:
        return None
    # Each place is as likely as another, however many things could stand there.
    start, end, choices = edits[int(generator.integers(len(edits)))]
    chosen = choices[int(generator.integers(len(choices)))]
    return question[:start] + chosen + question[end:]


Edit = tuple[int, int, list[str]]  # a range of the question, and what may stand there instead


def _names(question: str, paragraph: str, answers: tuple[str, ...]) -> list[Edit]:
    own = list(_proper_names(question))
    known = question.casefold()
    said = " ".join(answers).casefold()
    others = {
        name
        for _, _, name in _proper_names(paragraph)
        if not any(word in known or word in said for word in name.casefold().split())
    }
    return [(start, end, sorted(others)) for start, end, _ in own if others]


def _proper_names(text: str) -> list[tuple[int, int, str]]:
    """Return runs of capitalised words that are likely names.

    A sentence's first word is capitalised whatever it is: alone it counts for nothing.
    """
    found = []
    for match in _NAME.finditer(text):
        start, end = match.span()
        while (word := _WORD.match(text, start, end)) and word.group().lower() in _LEADING:
            start = word.end() + 1
        before = text[:start].rstrip()
        first = not before or before[-1] in ".!?"
        if end - start > 2 and not (first and " " not in text[start:end]):
            found.append((start, end, text[start:end]))
    return found


def _numbers(question: str, paragraph: str, answers: tuple[str, ...]) -> list[Edit]:
    known = {*_NUMBER.findall(question), *_NUMBER.findall(" ".join(answers))}
    edits = []
    for match in _NUMBER.finditer(question):
        size = len(match.group())
        others = {n for n in _NUMBER.findall(paragraph) if len(n) == size} - known
        if match.group().isdecimal():
            value = int(match.group())
            near = {str(value + step) for step in (-11, -7, -3, 2, 5, 12) if value + step > 0}
            others |= near - known
        if others:
            edits.append((*match.span(), sorted(others)))
    return edits


def _opposite_words(question: str) -> list[Edit]:
    return [
        (*match.span(), list(OPPOSITES[match.group().lower()]))
        for match in _WORD.finditer(question)
        if match.group().lower() in OPPOSITES
    ]
