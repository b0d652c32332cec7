"""Turn questions with a quote of their document into questions with a passage, for training.

    python -m benchmarks.document_labels handbook-train.jsonl --index HANDBOOK --out labels.jsonl
    qa train mine labels.jsonl --index HANDBOOK --negatives 8 --out mined.jsonl

A line of a question file (`benchmarks/own_documents/`) has `question`, `answer` (right spans, best
first), `document_id`, and `quote`: a piece of the document that stands there once and holds the
answers. The passage is the one of the index that holds the best answer with most text around it.
Questions without answers have no passage and are passed over, as are answers that two passages
share.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from indexing.documents import Passage
from indexing.index import Index
from pipelines.question_records import read_records

Range = tuple[int, int]


def answer_ranges(text: str, quote: str, answers: Sequence[str]) -> list[Range]:
    """Return where the answers stand in the one occurrence of the quote, the best answer first.

    Raises:
        ValueError: the quote does not stand in the text once, or does not hold the best answer.
    """
    if text.count(quote) != 1:
        raise ValueError(f"stands {text.count(quote)} times in its document: {quote!r}")
    if answers[0] not in quote:
        raise ValueError(f"{answers[0]!r} does not stand in {quote!r}")
    begin = text.index(quote)
    found = []
    for answer in answers:
        at = quote.find(answer)
        while at >= 0:
            found.append((begin + at, begin + at + len(answer)))
            at = quote.find(answer, at + 1)
    return found


def passage_of(place: Range, passages: Sequence[Passage]) -> Passage | None:
    """Return the passage that holds the range with most text on its shorter side, if one does."""
    start, end = place
    holding = [one for one in passages if one.start <= start and end <= one.end]
    return max(holding, key=lambda one: min(start - one.start, one.end - end), default=None)


def labelled(record: Mapping[str, Any], text: str, passages: Sequence[Passage]) -> dict | None:
    """Return the question with its passage and the places of its answers there, or None."""
    places = answer_ranges(text, record["quote"], record["answer"])
    passage = passage_of(places[0], passages)
    if passage is None:
        return None
    inside = sorted({p for p in places if passage.start <= p[0] and p[1] <= passage.end})
    return {
        "id": record["id"],
        "question": record["question"],
        "title": passage.title,
        "context": passage.text,
        "answers": {
            "text": [text[start:end] for start, end in inside],
            "answer_start": [start - passage.start for start, _ in inside],
        },
    }


def all_labelled(questions: str, index: Index) -> Iterator[dict | None]:
    """Yield each answered question with its passage, None where no passage holds the answer.

    Raises:
        ValueError: a quote is wrong, with its place.
    """
    for place, record in read_records(questions):
        if record["answer"]:
            row = index.documents.row_of(record["document_id"])
            passages = index.passages.get(index.passages.of_document(row))
            try:
                yield labelled(record, index.documents.at(row).text, passages)
            except ValueError as error:
                raise ValueError(f"{place}: {error}") from error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("questions")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    kept = left = 0
    with Index.open(args.index) as index, args.out.open("w", encoding="utf-8") as file:
        for one in all_labelled(args.questions, index):
            kept, left = kept + (one is not None), left + (one is None)
            if one is not None:
                file.write(json.dumps(one, ensure_ascii=False) + "\n")
    print(f"{kept:,} questions with a passage; {left:,} whose answer no passage holds whole")


if __name__ == "__main__":
    main()
