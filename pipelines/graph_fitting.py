"""Fits which path of a graph a question asks for, from questions with answers alone.

No question says its path. Each is taken to ask for a path from one of its entities whose ends are
its answers (distant supervision); of several such paths, the one that explains most questions.
The classifier is multinomial logistic regression over the encoder's vectors of the masked
questions, by full-batch gradient descent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoder.protocol import TextEncoder
from indexing.errors import InputError
from indexing.progress import Progress, SilentProgress
from pipelines.graph_scoring import readable
from pipelines.questions import Question
from retriever.graph import GraphView, Link, Path
from retriever.paths import FittedPaths, masked

_STEPS = 400
_RATE = 20.0
_WIDE = 3_000  # entities on the way, beyond which a path is given up
_GROWN = 300  # entities from which longer paths go on


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How paths are looked for and the classifier is fitted.

    `hops` is the longest path; `decay` the weight of the squared weights in the loss; paths that
    explain less than `least` questions are left out.
    """

    hops: int = 1
    decay: float = 1e-4
    least: int = 2


@dataclass(frozen=True, slots=True)
class Fit:
    """A classifier, and how many of how many questions had a path to their answers."""

    paths: FittedPaths
    explained: int
    questions: int


def fit_paths(
    questions: Sequence[Question],
    view: GraphView,
    encoder: TextEncoder,
    settings: FitSettings | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Fit a classifier of questions by path.

    Raises:
        InputError: no question has a path to its answers in the graph.
    """
    chosen = settings or FitSettings()
    explained: list[list[tuple[str, Path]]] = []
    with (progress or SilentProgress()).stage("paths", len(questions), "questions") as advance:
        for question in questions:
            ways = list(_explanations(question, view, chosen.hops))
            if ways:
                explained.append(ways)
            advance(1)
    if not explained:
        raise InputError(
            "No question has a path from an entity that it names to its answers; "
            "give questions about this graph, or more --hops."
        )
    frequent = Counter(path for ways in explained for path in {path for _, path in ways})
    examples = [max(ways, key=lambda way: (frequent[way[1]], -len(way[1]))) for ways in explained]
    counts = Counter(path for _, path in examples)
    paths = [path for path, count in counts.most_common() if count >= chosen.least] or list(counts)
    number = {path: place for place, path in enumerate(paths)}
    examples = [example for example in examples if example[1] in number]
    vectors = encoder.encode([text for text, _ in examples])
    labels = np.array([number[path] for _, path in examples])
    weights, bias = softmax_regression(vectors, labels, len(paths), chosen.decay)
    model = FittedPaths(encoder, tuple(paths), weights, bias)
    return Fit(model, len(examples), len(questions))


def _explanations(question: Question, view: GraphView, hops: int) -> Iterator[tuple[str, Path]]:
    """Yield masked questions with the paths whose ends are just the answers."""
    wanted = {readable(answer) for answer in question.answers}
    links = view.links(question.text)
    for link in links:
        if not link.common or len(links) == 1:
            yield from _paths_to(wanted, question.text, link, links, view, hops)


def _paths_to(
    wanted: set[str],
    question: str,
    link: Link,
    links: Sequence[Link],
    view: GraphView,
    hops: int,
) -> Iterator[tuple[str, Path]]:
    text = masked(question, link, links)
    waiting: list[tuple[Path, list[str]]] = [((), [link.key])]
    for length in range(1, hops + 1):
        longer: list[tuple[Path, list[str]]] = []
        for path, nodes in waiting:
            ends: dict[tuple[str, bool], dict[str, tuple[str, bool]]] = {}
            for node in nodes:
                for step, places in view.around(node).steps.items():
                    own = ends.setdefault(step, {})
                    own.update((p.key, (p.text, p.literal)) for p in places)
            for step, own in ends.items():
                own.pop(link.key, None)
                if wanted == {readable(name) for name, _ in own.values()}:
                    yield text, (*path, step)
                keys = [key for key, (_, literal) in own.items() if not literal]
                if length < hops and len(keys) <= (_WIDE if length == 1 else _GROWN):
                    longer.append(((*path, step), keys))
        waiting = longer


def softmax_regression(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], classes: int, decay: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit multinomial logistic regression: vectors (n, d) -> weights (classes, d), bias.

    Gradient descent with Nesterov's momentum from zero, so the same data give the same weights.
    """
    n, dimension = vectors.shape
    data = np.concatenate([vectors, np.ones((n, 1), np.float32)], axis=1)
    weights = np.zeros((classes, dimension + 1), np.float32)
    speed = np.zeros_like(weights)
    target = np.zeros((n, classes), np.float32)
    target[np.arange(n), labels] = 1
    shrink = np.full((1, dimension + 1), decay, np.float32)
    shrink[0, -1] = 0  # the bias is free
    for _ in range(_STEPS):
        ahead = weights + 0.9 * speed
        logits = data @ ahead.T
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        shares /= shares.sum(axis=1, keepdims=True)
        gradient = (shares - target).T @ data / n + shrink * ahead
        speed = 0.9 * speed - (_RATE / 10) * gradient
        weights = weights + speed
    return weights[:, :-1].copy(), weights[:, -1].copy()
