"""The demo graph: a connected piece of MetaQA's graph of films, with questions about it."""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict, deque
from pathlib import Path

Triple = tuple[str, str, str]


def read_triples(path: Path) -> list[Triple]:
    """Read `subject|relation|object` lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("|") for line in lines]
    return [(row[0], row[1], row[2]) for row in rows if len(row) == 3]


def connected(triples: list[Triple], size: int, seed: int) -> list[Triple]:
    """Return about `size` triples around an entity with many, nearest first, in file order."""
    touching: dict[str, list[int]] = defaultdict(list)
    for number, (subject, _, value) in enumerate(triples):
        touching[subject].append(number)
        touching[value].append(number)
    generator = random.Random(seed)
    start = max(sorted(touching), key=lambda entity: min(len(touching[entity]), 60))
    kept: set[int] = set()
    seen, waiting = {start}, deque([start])
    while waiting and len(kept) < size:
        entity = waiting.popleft()
        # A hub ("human", "English") would fill the sample alone.
        own = touching[entity]
        for number in generator.sample(own, min(len(own), 25)):
            kept.add(number)
            for other in (triples[number][0], triples[number][2]):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
    return [triples[number] for number in sorted(kept)]


def questions_about(path: Path, triples: list[Triple], limit: int) -> list[dict[str, object]]:
    """Return questions whose answers are exactly what the piece of the graph says."""
    values: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for subject, relation, value in triples:
        values[subject][relation].add(value)
        values[value]["of " + relation].add(subject)
    found = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            if set(record["answer"]) in values[record["entity"]].values():
                found.append(record)
    return found[:limit]
