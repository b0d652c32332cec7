"""Demo questions: real questions that a passage of the demo corpus answers."""

from __future__ import annotations

import math
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from indexing.build import build_index
from indexing.index import Index
from pipelines.questions import Question, load_questions
from retriever.bm25 import BM25Retriever

_WORD = re.compile(r"[^\W_]+")
_EMPTY_WORDS = """
a an the of in on at to for from by with is are was were be been do does did what who whom whose
which when where why how many much long old name named first last his her its their and or that
this it as into about has have had he she they you your my i there most other than can could would
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
_COVERED = 0.55  # of the weight of the question's content words that title and passage hold
_VAGUE = re.compile(
    r"who(?:'?s| is| was) [\w .]+\??$|where(?:'s)? (?:is )?[\w .]+\??$|what (?:is|was) mount|"
    r".*(?:known for|famous|did .* do\b|for a living|what countries|which countries|"
    r"language|two countries|all countries|where .* (?:at|live)\b|famous for)"
)


def words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


def pick_questions(
    corpus: Path, sources: dict[str, Path], chosen: frozenset[str]
) -> Iterator[dict[str, object]]:
    """Yield questions with the document that answers them, one for a document and answer.

    `chosen` holds the ids of those that were found right by eye; if it is empty, all are tried.

    The passage is one of the two that BM25 finds first, holds an answer as whole words, shares a
    word of its title with the question, and holds most of the question's content words, weighed
    by their rarity.
    """
    with tempfile.TemporaryDirectory() as folder:
        build_index([corpus], Path(folder) / "index")
        with Index.open(Path(folder) / "index") as index:
            retriever = BM25Retriever(index)
            counts: Counter[str] = Counter()
            for number in range(len(index.passages)):
                passage = index.passages[number]
                counts.update(words(f"{passage.title} {passage.text}"))
            weights = {w: math.log((len(index.passages) + 1) / (n + 1)) for w, n in counts.items()}
            taken: set[tuple[str, str]] = set()
            for source, file in sources.items():
                for question in load_questions(file):
                    if chosen and f"{source}-{question.id}" not in chosen:
                        continue
                    for record in _answered(question, source, retriever, weights):
                        key = (str(record["document_id"]), str(record["answer"]).casefold())
                        if key not in taken:
                            taken.add(key)
                            yield record


def _answered(
    question: Question, source: str, retriever: BM25Retriever, weights: dict[str, float]
) -> Iterator[dict[str, object]]:
    content = words(question.text) - _EMPTY
    if not content or _VAGUE.match(question.text.casefold()):
        return
    rare = max(weights.values())
    total = sum(weights.get(word, rare) for word in content)
    for hit in retriever.retrieve([question.text], 2)[0]:
        passage = hit.passage
        held = content & words(f"{passage.title} {passage.text}")
        if sum(weights[word] for word in held) < _COVERED * total:
            continue
        if not (words(passage.title) - _EMPTY) & content:
            continue
        answers = [
            answer
            for answer in question.answers
            if re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", passage.text, re.IGNORECASE)
            and not words(answer) <= words(question.text)
        ]
        if answers:
            yield {
                "id": f"{source}-{question.id}",
                "question": question.text,
                "answer": list(question.answers),
                "source": source,
                "document_id": passage.document_id,
            }
            return
