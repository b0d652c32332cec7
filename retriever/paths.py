"""Which relations a question asks for: paths of one step or more, scored against its words.

Two scorers. `SentencePaths` needs no training: a path is as likely as its sentences are near to
the question, by the index's own encoder. `FittedPaths` is a linear classifier over the same
vectors of questions, fitted on questions with answers by `pipelines.graph_fitting`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from encoder.protocol import TextEncoder
from encoder.weights_file import write_weights
from indexing.errors import InputError
from indexing.graph.facts import Statement
from retriever.graph import GraphView, Link, Path, Place, Step

TEMPERATURE = 0.05
"""Divides cosines; chosen on the tuning halves of the sets of `benchmarks/graph_questions.py`."""

_FRONTIER = 2_000  # entities that a step goes on from
_LOOKED_AT = 20  # neighbours whose relations are looked at for longer paths
_SECOND = 5  # first steps, the best ones, that longer paths begin with


class PathScorer(Protocol):
    """Scores the paths that lead away from an entity."""

    def score(
        self, question: str, view: GraphView, key: str, hops: int
    ) -> list[tuple[Path, float]]:
        """Return the entity's paths of at most `hops` steps, best first, with log-probabilities.

        They add up to less than one where the question may ask for what the entity lacks.
        """
        ...


def masked(question: str, link: Link, links: Sequence[Link]) -> str:
    """Return the question with X for the linked name, and Y for the other names in it."""
    parts: list[tuple[int, int, str]] = [(link.start, link.end, "X")]
    for other in links:
        if not other.common and all(other.end <= s or other.start >= e for s, e, _ in parts):
            parts.append((other.start, other.end, "Y"))
    text = question
    for start, end, letter in sorted(parts, reverse=True):
        text = f"{text[:start]}{letter}{text[end:]}"
    return text


@dataclass(frozen=True, slots=True)
class Reached:
    """The end of a path: a place, how many ways lead there, and the triples of one of them."""

    place: Place
    ways: int
    statements: tuple[Statement, ...]


def walk(view: GraphView, key: str, path: Path) -> list[Reached]:
    """Return what a path leads to, most ways first; it never comes back to where it starts."""
    frontier: dict[str, tuple[int, tuple[Statement, ...]]] = {key: (1, ())}
    ends: dict[str, Reached] = {}
    for number, step in enumerate(path, start=1):
        ends = {}
        for node, (ways, before) in frontier.items():
            for place in view.around(node).steps.get(step, ()):
                known = ends.get(place.key)
                ends[place.key] = Reached(
                    known.place if known else place,
                    ways + (known.ways if known else 0),
                    known.statements if known else (*before, *place.statements),
                )
        ends.pop(key, None)
        if number < len(path):
            on = [end for end in ends.values() if not end.place.literal][:_FRONTIER]
            frontier = {end.place.key: (end.ways, end.statements) for end in on}
    return sorted(ends.values(), key=lambda end: -end.ways)


class SentencePaths:
    """Scores a path by the cosine of its sentences and the question. Safe to use from threads."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def score(
        self, question: str, view: GraphView, key: str, hops: int
    ) -> list[tuple[Path, float]]:
        """Return the entity's paths of at most `hops` steps, best first, with log-probabilities.

        The graph's other relations have their share: a question may ask for what is not there.
        """
        texts: dict[Path, str] = {
            (step,): sentence for step, sentence in view.around(key).sentences.items()
        }
        asked = self._encoder.encode([question])[0]
        scores = self._scores(asked, texts)
        for _ in range(1, hops):
            begun = sorted(texts, key=lambda path: -scores[path])[:_SECOND]
            longer = {
                (*path, step): f"{texts[path]} {_renamed(sentence, len(path))}"
                for path in begun
                for step, sentence in _steps_behind(view, key, path).items()
            }
            texts.update(longer)
            scores.update(self._scores(asked, longer))
        lacking = {(step,): text for step, text in view.relations().items()}
        others = self._scores(asked, {p: t for p, t in lacking.items() if p not in texts})
        whole = float(np.logaddexp.reduce([*scores.values(), *others.values()]))
        ranked = [(path, score - whole) for path, score in scores.items()]
        return sorted(ranked, key=lambda pair: -pair[1])

    def _scores(self, asked: NDArray[np.float32], texts: Mapping[Path, str]) -> dict[Path, float]:
        new = [text for text in dict.fromkeys(texts.values()) if text not in self._vectors]
        if new:
            self._vectors.update(zip(new, self._encoder.encode(new), strict=True))
        return {
            path: float(self._vectors[text] @ asked) / TEMPERATURE for path, text in texts.items()
        }


def _steps_behind(view: GraphView, key: str, path: Path) -> dict[Step, str]:
    """Return the steps that some of a path's ends can go on with, each with a sentence."""
    found: dict[Step, str] = {}
    for end in walk(view, key, path)[:_LOOKED_AT]:
        if not end.place.literal:
            found.update(view.around(end.place.key).sentences)
    return found


def _renamed(sentence: str, number: int) -> str:
    """Say a sentence of the next letters: X and Y become Y and Z, and so on."""
    start, end = "XYZWV"[number], "XYZWV"[number + 1]
    return sentence.replace("Y", "\0").replace("X", start).replace("\0", end)


@dataclass(frozen=True, slots=True)
class FittedPaths:
    """A linear softmax classifier of questions: `vectors @ weights.T + bias` are paths' logits.

    `weights` is (paths, dimension), float32; `fingerprint` is that of the encoder it belongs to.
    """

    encoder: TextEncoder
    paths: tuple[Path, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def score(
        self, question: str, view: GraphView, key: str, hops: int
    ) -> list[tuple[Path, float]]:
        """Return the entity's paths of at most `hops` steps, best first, with log-probabilities.

        Paths that the classifier knows and the entity lacks have their share.
        """
        logits = self.weights @ self.encoder.encode([question])[0] + self.bias
        logits -= np.log(np.exp(logits - logits.max()).sum()) + logits.max()
        order = np.argsort(-logits, kind="stable")
        steps = view.around(key).steps
        ranked = [(self.paths[i], float(logits[i])) for i in order]
        return [(path, s) for path, s in ranked if len(path) <= hops and path[0] in steps]

    def save(self, file: File) -> None:
        """Write the classifier as safetensors, with its paths and its encoder as metadata."""
        notes = {"paths": json.dumps(self.paths), "encoder": self.encoder.fingerprint}
        write_weights({"weights": self.weights, "bias": self.bias}, file, notes)


def load_paths(file: File, encoder: TextEncoder) -> FittedPaths:
    """Read a fitted classifier.

    Raises:
        InputError: the file is none, or was fitted with another encoder.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), framework="numpy") as opened:
            notes = opened.metadata()
            weights, bias = opened.get_tensor("weights"), opened.get_tensor("bias")
        paths = tuple(
            tuple((str(relation), bool(forward)) for relation, forward in path)
            for path in json.loads(notes["paths"])
        )
        fingerprint = notes["encoder"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{file}: this is no file of `qa train graph` ({error}).") from error
    if fingerprint != encoder.fingerprint:
        raise InputError(
            f"{file} was fitted with another encoder than that of the index; "
            "fit it again with `qa train graph`."
        )
    return FittedPaths(encoder, paths, weights, bias)
