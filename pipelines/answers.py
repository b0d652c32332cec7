"""What asking returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from retriever.hits import Hit


@dataclass(frozen=True, slots=True)
class Citation:
    """Where an answer stands: `document.text[start:end]` is its exact text there.

    The text is the stored one (see `indexing.normalising`): its lines end with LF alone.
    `sentence` is the sentence around it, `[sentence_start, ...)` its place in the document.
    `score` is the reader's log-probability of this span, relevance included. `triples` are what
    the sentence was told from where the document is a graph's: subject, relation, object.
    """

    document_id: str
    title: str
    url: str
    start: int
    end: int
    passage_id: int
    sentence: str
    sentence_start: int
    score: float
    triples: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, the probability that it is right, and every place that says it, best first."""

    text: str
    probability: float
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class AskResult:
    """The answers to one question, best first, none if nothing was probable enough."""

    question: str
    answers: tuple[Answer, ...]
    hits: tuple[Hit, ...]
    timings_ms: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the document that `qa ask --json` prints."""
        return {
            "question": self.question,
            "answers": [
                {
                    "text": answer.text,
                    "probability": round(answer.probability, 4),
                    "citations": [_citation_json(citation) for citation in answer.citations],
                }
                for answer in self.answers
            ],
            "timings_ms": {name: round(value, 1) for name, value in self.timings_ms.items()},
            "hits": [hit_json(hit) for hit in self.hits],
        }


def _citation_json(citation: Citation) -> dict[str, Any]:
    return asdict(citation) | {"score": round(citation.score, 4)}


def hit_json(hit: Hit) -> dict[str, Any]:
    """Return a hit as `--json` prints it."""
    return {
        "passage_id": hit.passage.id,
        "document_id": hit.passage.document_id,
        "title": hit.passage.title,
        "start": hit.passage.start,
        "end": hit.passage.end,
        "score": round(hit.score, 6),
        "components": {
            name: {"rank": part.rank, "score": round(part.score, 6)}
            for name, part in hit.components.items()
        },
        "duplicates": [
            {
                "passage_id": other.id,
                "document_id": other.document_id,
                "title": other.title,
                "start": other.start,
                "end": other.end,
            }
            for other in hit.duplicates
        ],
        "text": hit.passage.text,
    }
