"""The demo corpus: central, sound Simple English Wikipedia articles, shortened."""

from __future__ import annotations

import json
import lzma
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from benchmarks.demo_data.cleaning import clean_paragraphs, is_heading

_NOT_AN_ARTICLE = re.compile(
    r"(?:List|Lists|Timeline|Outline|Index|Glossary) of |Deaths in |.*\(disambiguation\)$|"
    r"\d+s?(?: BC| AD)?$|(?:January|February|March|April|May|June|July|August|September|"
    r"October|November|December) \d+$"
)
_SEVERAL_MEANINGS = re.compile(
    r"\b(?:can|may|might|could) (?:also )?(?:refer to|mean|be (?:one|any) of)\b|"
    r"\bhas (?:several|many|more than one|different|two) (?:different )?meanings\b|"
    r"\b(?:is|are) (?:an? )?(?:list|timeline)s? of\b"
)
_TOKEN = re.compile(r"\w[\w'.-]*\w|\w|[.!?]")
_LEAD_WORDS = 100
_LONGEST_TITLE = 4


@dataclass(frozen=True, slots=True)
class CorpusSettings:
    """How many articles, and how many words of each.

    `central` articles (the best by score) keep whole paragraphs up to `central_words` words, the
    others up to `words`. An article needs `min_full_words` sound words to be taken at all, of
    which `min_words` must be left once it is shortened.
    """

    articles: int = 5200
    central: int = 1000
    central_words: int = 210
    words: int = 105
    min_full_words: int = 130
    min_words: int = 45


@dataclass(frozen=True, slots=True)
class Article:
    id: str
    title: str
    url: str
    paragraphs: tuple[str, ...]

    @property
    def words(self) -> int:
        return sum(len(paragraph.split()) for paragraph in self.paragraphs)


def read_articles(path: Path) -> Iterator[dict[str, str]]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def pick_corpus(source: Path, vital: Path, settings: CorpusSettings) -> list[Article]:
    """Return the chosen articles in the order of their ids, shortened."""
    titles = vital_titles(vital)
    mentions: dict[str, float] = {}
    found: dict[str, Article] = {}
    for record in read_articles(source):
        count_mentions(record, titles, mentions)
        if record["title"] in titles and not _NOT_AN_ARTICLE.match(record["title"]):
            article = sound_article(record)
            if article is not None and article.words >= settings.min_full_words:
                found.setdefault(article.title, article)
    best = sorted(found.values(), key=lambda a: (-_score(a, mentions), a.title))
    shortened = (
        shorten(a, settings.central_words if rank < settings.central else settings.words)
        for rank, a in enumerate(best)
    )
    kept = [a for a in shortened if a.words >= settings.min_words][: settings.articles]
    return sorted(kept, key=lambda a: int(a.id))


def vital_titles(path: Path) -> frozenset[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(unquote(line).replace("_", " ") for line in lines if line[:1] != "#")


def count_mentions(
    record: dict[str, str], titles: frozenset[str], counts: dict[str, float]
) -> None:
    """Count each title that the beginning of another article names, in mid-sentence.

    A common noun (the title in lower case) counts for a tenth of a name.
    """
    tokens = _TOKEN.findall(" ".join(record["text"][:900].split()[:_LEAD_WORDS]))
    seen: dict[str, float] = {}
    for i, token in enumerate(tokens):
        if i == 0 or tokens[i - 1] in ".!?":
            continue
        for size in range(1, _LONGEST_TITLE + 1):
            name = " ".join(tokens[i : i + size])
            if name in titles:
                seen[name] = 1.0
            elif size == 1 and token[0].islower() and token.capitalize() in titles:
                seen.setdefault(token.capitalize(), 0.1)
    seen.pop(record["title"], None)
    for name, weight in seen.items():
        counts[name] = counts.get(name, 0.0) + weight


def sound_article(record: dict[str, str]) -> Article | None:
    """Return the cleaned article, or None for a disambiguation, a list or an empty text."""
    paragraphs = clean_paragraphs(record["text"])
    if not paragraphs or is_heading(paragraphs[0]):
        return None
    if _SEVERAL_MEANINGS.search(paragraphs[0][:120]) or not _names(record["title"], paragraphs[0]):
        return None
    return Article(record["id"], record["title"], record["url"], tuple(paragraphs))


def _names(title: str, paragraph: str) -> bool:
    """Whether the paragraph's beginning says what the article is about, as a lead does."""
    begin = paragraph[:200].casefold()
    words = [word[:5].casefold() for word in _TOKEN.findall(title) if word[0].isalnum()]
    return any(word in begin for word in words)


def _score(article: Article, mentions: dict[str, float]) -> float:
    return math.log(min(article.words, 1500)) + 0.5 * math.log1p(mentions.get(article.title, 0.0))


def shorten(article: Article, words: int) -> Article:
    """Keep whole paragraphs from the beginning, at least one, up to the number of words."""
    kept: list[str] = []
    total = 0
    for paragraph in article.paragraphs:
        count = len(paragraph.split())
        if kept and total + count > words:
            break
        kept.append(paragraph)
        total += count
    while is_heading(kept[-1]):
        kept.pop()
    return Article(article.id, article.title, article.url, tuple(kept))


def write_corpus(articles: list[Article], path: Path) -> None:
    with lzma.open(path, "wt", encoding="utf-8", preset=9 | lzma.PRESET_EXTREME) as out:
        for a in articles:
            record = {"id": a.id, "title": a.title, "url": a.url, "text": "\n".join(a.paragraphs)}
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
