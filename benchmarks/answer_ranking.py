"""What each thing that answers are ranked by adds, on development questions of several corpora.

Questions are retrieved and read once. Then, for all of `reader.ranking`'s features and with each
of them left out, weights are fitted by `reader.calibrator_fitting` on four fifths of the questions
of all corpora together and the answers of the other fifth are ranked by them, in turn; EM of the
top answer, with the difference to the features before words counted (paired bootstrap).

    python -m benchmarks.answer_ranking INDEX QUESTIONS [--also INDEX QUESTIONS ...] [--limit N]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from indexing.index import Index
from pipelines.ask import open_index_retriever
from pipelines.calibrate import read_questions
from pipelines.progress import open_progress
from pipelines.questions import load_questions
from pipelines.statistics import paired_bootstrap
from reader.calibrator_fitting import ReadQuestion, most_likely
from reader.clues import find_clues
from reader.load import load_reader
from reader.normalising import normalise_answer
from reader.ranking import RANKED_BY, ranking_features

BEFORE = RANKED_BY[:4]
FOLDS = 5
REPEATS = 3


class Candidates:
    """The spans of one question: features (spans, features), which are right, and of which answer.

    A question without spans has none.
    """

    def __init__(self, question: ReadQuestion) -> None:
        clues = find_clues(question.question, question.passages)
        named = [(s, key) for s in question.spans if (key := normalise_answer(s.text))]
        shape = (len(named), len(RANKED_BY))
        features = [ranking_features(span, key, clues) for span, key in named]
        self.features = np.array(features, dtype=np.float64).reshape(shape)
        self.right = np.array([span.text in question.right for span, _ in named], dtype=np.bool_)
        keys = {key: number for number, key in enumerate(dict.fromkeys(k for _, k in named))}
        self.answers = np.array([keys[key] for _, key in named], dtype=np.int64)

    def tells(self) -> bool:
        """Whether some spans are right and some are wrong."""
        return bool(self.right.any() and not self.right.all())

    def top_is_right(self, weights: np.ndarray, columns: Sequence[int]) -> bool:
        """Rank by these weights: spans of one answer added up, its best span the text."""
        if not len(self.right):
            return False
        scores = self.features[:, columns] @ weights
        totals = np.full(self.answers.max() + 1, -np.inf)
        np.logaddexp.at(totals, self.answers, scores)
        own = np.flatnonzero(self.answers == totals.argmax())
        return bool(self.right[own[scores[own].argmax()]])


def cross_validated(
    corpora: dict[str, list[Candidates]], columns: Sequence[int]
) -> dict[str, np.ndarray]:
    """Return each question's share of right top answers, over the repeats."""
    prior = np.array([1.0 if column == 0 else 0.0 for column in columns])
    found = {name: np.zeros(len(own)) for name, own in corpora.items()}
    for repeat in range(REPEATS):
        generator = np.random.default_rng(repeat)
        folds = {name: generator.integers(0, FOLDS, len(own)) for name, own in corpora.items()}
        for fold in range(FOLDS):
            data = [
                (one.features[:, columns], one.right)
                for name, own in corpora.items()
                for one, part in zip(own, folds[name], strict=True)
                if part != fold and one.tells()
            ]
            weights = most_likely(data, prior)
            for name, own in corpora.items():
                for number in np.flatnonzero(folds[name] == fold):
                    found[name][number] += own[number].top_is_right(weights, columns) / REPEATS
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--also", nargs=2, action="append", default=[], type=Path)
    parser.add_argument("--reader", default=None)
    parser.add_argument("--retriever", default=None)
    parser.add_argument("--top-k", type=int, default=20)
    parser.add_argument("--limit", type=int, default=None, help="questions of each corpus")
    args = parser.parse_args()
    reader = load_reader(args.reader).reader
    corpora: dict[str, list[Candidates]] = {}
    for folder, file in [(args.index, args.questions), *args.also]:
        with Index.open(folder) as index:
            retriever = open_index_retriever(index, args.retriever, None, "auto", "auto")
            questions = load_questions(file)[: args.limit]
            read = read_questions(questions, retriever, reader, args.top_k, open_progress())
        corpora[f"{file.name} over {folder.name}"] = [Candidates(question) for question in read]
    everything = list(range(len(RANKED_BY)))
    variants = {"as before: " + ", ".join(BEFORE): everything[: len(BEFORE)], "all": everything}
    for left, name in enumerate(RANKED_BY):
        variants[f"without {name}"] = [column for column in everything if column != left]
    base: dict[str, np.ndarray] = {}
    for variant, columns in variants.items():
        found = cross_validated(corpora, columns)
        base = base or found
        whole = np.concatenate(list(found.values()))
        apart = paired_bootstrap(100 * whole, 100 * np.concatenate(list(base.values())))
        print(f"{variant}: EM {100 * whole.mean():.2f} (n = {len(whole)})", end="")
        print(f", {apart.difference:+.2f} [{apart.low:+.2f}, {apart.high:+.2f}]")
        for name, scores in found.items():
            print(f"    {name}: {100 * scores.mean():.2f} (n = {len(scores)})")


if __name__ == "__main__":
    main()
