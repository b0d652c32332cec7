"""Hits whose texts are (nearly) the same made one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from indexing.documents import Passage
from indexing.words import Analyzer, WordSettings, analyzer
from retriever.hits import Hit, Retriever

_SHINGLE = 3  # words
_DEEPEST = 8  # times k

Shingles = frozenset[tuple[str, ...]]


class CollapsingRetriever:
    """Leaves out hits whose text a better hit has (nearly) too, and takes deeper ones instead."""

    def __init__(self, retriever: Retriever, threshold: float) -> None:
        self._retriever = retriever
        self._threshold = threshold

    def retrieve(self, questions: Sequence[str], k: int) -> list[list[Hit]]:
        """Return at most `k` hits for each question, best first.

        They are fewer only if there are no more, or none among the first 8 times `k`.
        """
        chosen: list[list[Hit]] = [[] for _ in questions]
        asked = list(range(len(questions)))
        depth = 2 * k
        while asked:
            found = self._retriever.retrieve([questions[number] for number in asked], depth)
            short = []
            for number, hits in zip(asked, found, strict=True):
                chosen[number] = collapsed(hits, self._threshold)[:k]
                if len(chosen[number]) < k and len(hits) == depth and depth < _DEEPEST * k:
                    short.append(number)
            asked, depth = short, 2 * depth
        return chosen


def collapsed(hits: Sequence[Hit], threshold: float) -> list[Hit]:
    """Return the hits without those that are like a better one, which keeps them as duplicates.

    Texts are alike whose runs of three words have a Jaccard similarity of `threshold` or more;
    case, accents and punctuation do not count. Of several better ones the best keeps it.
    """
    words = analyzer(WordSettings(stop_words=False))
    kept: list[Hit] = []
    sizes: list[int] = []
    same: list[list[Passage]] = []
    holders: dict[tuple[str, ...], list[int]] = {}
    for hit in hits:
        own = shingles(hit.passage.text, words)
        # Only texts that share a run are ever compared.
        shared = Counter(place for one in own for place in holders.get(one, ()))
        alike = [
            place
            for place, count in shared.items()
            if count / (sizes[place] + len(own) - count) >= threshold
        ]
        if alike:
            same[min(alike)].append(hit.passage)
            continue
        for one in own:
            holders.setdefault(one, []).append(len(kept))
        kept.append(hit)
        sizes.append(len(own))
        same.append([])
    return [
        replace(hit, duplicates=(*hit.duplicates, *others)) if others else hit
        for hit, others in zip(kept, same, strict=True)
    ]


def shingles(text: str, words: Analyzer) -> Shingles:
    """Return the runs of three words of a text; a text without three is one run by itself."""
    found = words(text) or [text.strip()]
    if len(found) < _SHINGLE:
        return frozenset([tuple(found)])
    return frozenset(zip(found, found[1:], found[2:], strict=False))
