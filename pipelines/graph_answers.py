"""Answers from a graph in the index: link the question's entity, follow the relation it asks for.

The answers are spans of the verbalised passages, as the reader's are: every entity at the end of
the best path, each cited with the triples on the way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from encoder.protocol import TextEncoder
from indexing.graph.facts import facts_of
from indexing.index import Index
from pipelines.answers import Answer, Citation
from reader.normalising import normalise_answer
from retriever.graph import GraphView, Link
from retriever.graph import Path as Steps
from retriever.graph_hops import HopRetriever
from retriever.hits import Retriever
from retriever.paths import PathScorer, Reached, SentencePaths, load_paths, masked, walk

LINK_WEIGHT = 1.0
"""What a word of a linked name adds to a log-probability; chosen with `paths.TEMPERATURE`."""

KNOWN_POWER = 0.25
"""How much a reader's answer loses by what its entity lacks (benchmarks/results/graphs.md)."""

_PATHS = 5  # of each link that are followed
_SUPPORT = 0.1  # the least share of a path that speaks for another link's answers


@dataclass(frozen=True, slots=True)
class GraphSettings:
    """How a graph is asked.

    Without `match`, only the reader answers. `hops` is the longest path, and how often retrieval
    goes on from what it found; `paths` is a file of `qa train graph`.
    """

    match: bool = True
    hops: int = 1
    paths: Path | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One way to understand a question: a linked entity, a path, and what it leads to.

    `log_probability` is that of the path, if the question is about the entity.
    """

    link: Link
    path: Steps
    log_probability: float
    ends: tuple[Reached, ...]

    @property
    def logit(self) -> float:
        """What compares with other entities' ways."""
        return self.log_probability + LINK_WEIGHT * self.link.weight


class GraphAnswers:
    """Answers questions from the graph of an index."""

    def __init__(self, index: Index, view: GraphView, scorer: PathScorer, hops: int = 1) -> None:
        self._index = index
        self._view = view
        self._scorer = scorer
        self._hops = hops

    def understood(self, question: str) -> list[Found]:
        """Return the ways to understand a question, the most likely first."""
        links = self._view.links(question)
        found = []
        for link in links:
            text = masked(question, link, links)
            scored = self._scorer.score(text, self._view, link.key, self._hops)
            followed = 0
            for path, log_probability in scored:
                ends = walk(self._view, link.key, path)
                if ends:
                    found.append(Found(link, path, log_probability, tuple(ends)))
                    followed += 1
                if followed == _PATHS:
                    break
        return sorted(found, key=lambda one: -one.logit)

    def answer(self, question: str, limit: int, read: Sequence[Answer] = ()) -> tuple[Answer, ...]:
        """Return at most `limit` of the graph's answers and those that a reader `read`, best first.

        The graph's are ends of the likeliest path. Ends that the question's other entities lead to
        as well come first, then those that more ways lead to. The probability is the path's share
        among all that were followed, and those that the question may ask for although its entity
        lacks them. A reader takes one relation for another there: so what it read in the graph's
        sentences alone counts the less, the less likely the entity has what is asked for.
        """
        found = self.understood(question)
        share = _known(found[0].link, found) ** KNOWN_POWER if found else 1.0
        weighed = [
            replace(one, probability=one.probability * share) if _of_graph(one) else one
            for one in read
        ]
        return merged(self._ends(found, limit), weighed)[:limit]

    def _ends(self, found: Sequence[Found], limit: int) -> tuple[Answer, ...]:
        if not found:
            return ()
        best = found[0]
        support = _support(best, found)
        most = max(support.get(end.place.key, 0.0) for end in best.ends)
        ends = sorted(
            (end for end in best.ends if support.get(end.place.key, 0.0) == most or not most),
            key=lambda end: -end.ways,
        )
        probability = _probability(best, found)
        return tuple(self._answer(end, probability) for end in ends[:limit])

    def _answer(self, end: Reached, probability: float) -> Answer:
        place = end.place
        document = self._index.documents.get(place.document_id)
        fact = next(f for f in facts_of(document) if f.start <= place.start < f.end)
        row = self._index.documents.row_of(document.id)
        passage = next(
            (
                number
                for number in self._index.passages.of_document(row)
                if self._index.passages[number].end > place.start
            ),
            -1,
        )
        citation = Citation(
            document.id,
            document.title,
            document.url,
            place.start,
            place.end,
            passage,
            document.text[fact.start : fact.end],
            fact.start,
            math.log(max(probability, 1e-12)),
            end.statements,
        )
        return Answer(place.text, probability, (citation,))


def _probability(best: Found, found: Sequence[Found]) -> float:
    """Return the share of the best way; what its entity lacks counts as ways of its own."""
    lacking = (1.0 - _known(best.link, found)) / math.exp(best.log_probability)
    return 1.0 / (sum(math.exp(one.logit - best.logit) for one in found) + lacking)


def _known(link: Link, found: Sequence[Found]) -> float:
    """Return how probably the question asks an entity for something that it has."""
    return min(1.0, sum(math.exp(one.log_probability) for one in found if one.link == link))


def _of_graph(answer: Answer) -> bool:
    """Tell whether an answer stands in sentences of the graph alone."""
    return all(citation.triples for citation in answer.citations)


def _shares(found: Sequence[Found]) -> list[float]:
    """Return the probabilities that logits mean."""
    highest = max(one.logit for one in found)
    weights = [math.exp(one.logit - highest) for one in found]
    whole = sum(weights)
    return [weight / whole for weight in weights]


def _support(best: Found, found: Sequence[Found]) -> dict[str, float]:
    """Return for each end how many other entities of the question lead there as well."""
    support: dict[str, float] = {}
    others = {one.link: [] for one in found if _apart(one.link, best.link)}  # type: ignore[var-annotated]
    for one in found:
        if one.link in others:
            others[one.link].append(one)
    wanted = {end.place.key for end in best.ends}
    for own in others.values():
        shares = _shares(own)
        reached = {
            end.place.key
            for one, share in zip(own, shares, strict=True)
            if share >= _SUPPORT
            for end in one.ends
        }
        for key in reached & wanted:
            support[key] = support.get(key, 0.0) + 1.0
    return support


def _apart(one: Link, other: Link) -> bool:
    return one.end <= other.start or one.start >= other.end


def open_graph(
    index: Index, retriever: Retriever, encoder: TextEncoder, settings: GraphSettings
) -> tuple[GraphAnswers | None, Retriever]:
    """Return what answers from an index's graph, and the retriever that goes on from its hits.

    Raises:
        InputError: the file of fitted paths is none, or belongs to another encoder.
    """
    view = GraphView(index)
    if settings.hops > 1:
        retriever = HopRetriever(index, retriever, encoder, view, settings.hops)
    if not settings.match:
        return None, retriever
    scorer: PathScorer = SentencePaths(encoder)
    if settings.paths is not None:
        scorer = load_paths(settings.paths, encoder)
    return GraphAnswers(index, view, scorer, settings.hops), retriever


def merged(first: Sequence[Answer], second: Sequence[Answer]) -> tuple[Answer, ...]:
    """Join two lists of answers, best first; equal answers share their citations.

    An answer that both found keeps the higher probability.
    """
    found: dict[str, Answer] = {}
    for answer in (*first, *second):
        key = normalise_answer(answer.text)
        found[key] = _both(found[key], answer) if key in found else answer
    return tuple(sorted(found.values(), key=lambda answer: -answer.probability))


def _both(one: Answer, other: Answer) -> Answer:
    probability = max(one.probability, other.probability)
    return Answer(one.text, probability, (*one.citations, *other.citations))
