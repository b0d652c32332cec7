"""A corpus of a few passages, and how it is built."""

from __future__ import annotations

import json

from indexing.build import BuildSettings
from indexing.splitting import SplitSettings

SMALL = BuildSettings(splitting=SplitSettings(words=8, stride=4))


def write_corpus(path, number=30, word="engine"):
    lines = [
        {"id": f"d{n}", "title": f"Title {n}", "text": f"Document {n}: ünïcode {word} 東京. " * 3}
        for n in range(number)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def segments(root):
    return sorted(path.name for path in (root / "segments").iterdir())
