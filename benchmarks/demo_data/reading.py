"""The reading sample: training-pool questions with contexts, some made impossible."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any


def sample(file: Path, answerable: int, impossible: int, seed: int) -> dict[str, Any]:
    """Return a SQuAD 2.0 document of questions from titled articles with several paragraphs.

    An impossible question is one put to another paragraph of its article that does not hold its
    answer.
    """
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        articles = [
            article
            for article in json.load(stream)["data"]
            if article.get("title") and len(article["paragraphs"]) > 4
        ]
    generator = random.Random(seed)
    pairs = [(a["title"], p, q) for a in articles for p in a["paragraphs"] for q in p["qas"]]
    chosen = generator.sample(pairs, answerable + impossible)
    entries = []
    for number, (title, paragraph, qa) in enumerate(chosen):
        context, answers = paragraph["context"], qa["answers"]
        if number >= answerable:
            own = next(a for a in articles if a["title"] == title)
            texts = [p["context"] for p in own["paragraphs"]]
            others = [t for t in texts if answers[0]["text"].lower() not in t.lower()]
            if not others:
                continue
            context, answers = generator.choice(others), []
        entry = {**qa, "answers": answers, "is_impossible": not answers}
        entries.append({"title": title, "paragraphs": [{"context": context, "qas": [entry]}]})
    return {"version": "v2.0", "data": entries}
