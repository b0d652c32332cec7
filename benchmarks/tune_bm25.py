"""Choose BM25's settings on development questions: words and titles first, then k1 and b.

    python -m benchmarks.tune_bm25 INDEX QUESTIONS [--every 6] [--k1 0.6 0.9 1.2] [--b 0.2 0.4 0.75]

Builds BM25 over the passages of an index again for each setting, asks every `--every`-th question
and looks for its answers in the best 100 passages. The second round starts from the first's best
by the mean of recall@1, 5, 20 and 100. Each line has the paired difference of that mean to the
first line, with its 95 % bootstrap interval. To compare settings that were chosen elsewhere, give
them as `--try`, for instance `--try "k1=0.9,b=0.4" "k1=0.9,b=0.4,stemmer=english"`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from indexing.index import Index
from indexing.lexical import LexicalIndex, LexicalSettings
from indexing.lexical_build import build_lexical
from indexing.words import WordSettings
from pipelines.answer_match import text_answers
from pipelines.questions import load_questions
from pipelines.statistics import paired_bootstrap

DEPTHS = (1, 5, 20, 100)


@dataclass
class Trial:
    """Asks the same questions under many settings; remembers which passages hold an answer."""

    index: Index
    questions: Sequence
    folder: Path
    found: dict[tuple[int, int], bool] = field(default_factory=dict)
    counted: object = None

    def recall(self, settings: LexicalSettings) -> np.ndarray:
        """Return for each question whether an answer is among the best 1, 5, 20, 100."""
        words = (settings.words, settings.titles)
        if words != self.counted:  # the runs do not depend on k1 and b
            shutil.rmtree(self.folder / "work", ignore_errors=True)
            self.counted = words
        passages, out = self.index.passages, self.folder / "bm25"
        build_lexical(passages, settings, self.folder / "work", out, lambda n: None)
        lexical = LexicalIndex(out, len(passages), settings)
        ids, _ = lexical.search([question.text for question in self.questions], max(DEPTHS))
        ranks = np.array([self.rank(number, row) for number, row in enumerate(ids.tolist())])
        return (ranks[:, None] > 0) & (ranks[:, None] <= np.array(DEPTHS))

    def rank(self, number: int, ids: list[int]) -> int:
        key = text_answers(self.questions[number].answers)
        for rank, passage in enumerate(ids, start=1):
            if passage < 0:
                break
            if (number, passage) not in self.found:
                text = self.index.passages[passage].text
                self.found[number, passage] = key.found_in(text)
            if self.found[number, passage]:
                return rank
        return 0


def name(settings: LexicalSettings) -> str:
    words = settings.words
    return (
        f"k1={settings.k1:g} b={settings.b:g} titles={int(settings.titles)} "
        f"stop={'on' if words.stop_words else 'off'} stemmer={words.stemmer or 'none'}"
    )


def parsed(text: str) -> LexicalSettings:
    values = dict(part.split("=", 1) for part in text.split(",") if part)
    stemmer = values.pop("stemmer", "none")
    words = WordSettings(values.pop("stop", "on") == "on", None if stemmer == "none" else stemmer)
    titles = int(values.pop("titles", 1))
    return LexicalSettings(**{k: float(v) for k, v in values.items()}, titles=titles, words=words)


def first_round() -> list[LexicalSettings]:
    base = LexicalSettings(k1=0.9, b=0.4, titles=1, words=WordSettings(stemmer=None))
    english = replace(base, words=WordSettings(stemmer="english"))
    return [
        base,
        replace(base, words=WordSettings(stop_words=False, stemmer=None)),
        replace(base, titles=0),
        english,
        replace(base, words=WordSettings(stemmer="porter")),
        replace(english, words=WordSettings(stop_words=False, stemmer="english")),
        replace(english, titles=2),
        replace(english, titles=3),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("questions")
    parser.add_argument("--every", type=int, default=6, help="ask each n-th question (6)")
    parser.add_argument("--k1", type=float, nargs="*", default=[0.6, 0.9, 1.2, 1.5])
    parser.add_argument("--b", type=float, nargs="*", default=[0.2, 0.4, 0.6, 0.75])
    parser.add_argument("--try", dest="tried", nargs="+", metavar="SETTINGS")
    args = parser.parse_args()
    questions = load_questions(args.questions)[:: args.every]
    print(f"{args.questions}: every {args.every}th question, {len(questions)} in all")
    folder = Path(tempfile.mkdtemp())
    reference = None
    with Index.open(args.index) as index:
        trial = Trial(index, questions, folder)

        def show(settings: LexicalSettings) -> float:
            nonlocal reference
            hits = trial.recall(settings)
            mean = hits.mean(axis=1)
            reference = mean if reference is None else reference
            gain = paired_bootstrap(100 * mean, 100 * reference)
            table = "  ".join(f"{100 * share:5.2f}" for share in hits.mean(axis=0))
            print(
                f"{name(settings):52} {table}  mean {100 * mean.mean():5.2f}  "
                f"{gain.difference:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}]",
                flush=True,
            )
            return float(mean.mean())

        print(f"{'settings':52} " + "  ".join(f"R@{depth:<3}" for depth in DEPTHS))
        if args.tried:
            for text in args.tried:
                show(parsed(text))
        else:
            best = max(first_round(), key=show)
            grid = [replace(best, k1=k1, b=b) for k1 in args.k1 for b in args.b]
            best = max([best, *grid], key=show)
            print(json.dumps({"best": name(best)}))
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
