"""What each part of the reader's recipe adds, each left out in turn, at a stated budget.

Contexts are cut into training and development parts, drawn by a fixed seed until there are so
many questions; no test file is touched. For every variant and seed a reader is trained and
measured on the development questions in two ways: on their own paragraph, and among it and nine
others that BM25 takes for it, where scores must compare across passages. Variants are compared
with the full recipe by a paired bootstrap over questions, each question's score the mean over
seeds.

The relevance head counts where it is trained: its log-probability is added to a span's score.
Finished runs in OUT are not repeated. Pretraining is a row if --pretrained names a folder that
`qa pretrain` made from --base.

    python benchmarks/reader_ablation.py SQUAD_FILE... --out FOLDER [--pretrained FOLDER]
        [--examples 10000] [--seeds 3] [--development 500] [--epochs 1]
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np

from encoder.load import default_folder
from indexing.documents import Passage
from pipelines.metrics import squad_scores
from pipelines.statistics import paired_bootstrap
from reader.features import ReaderTokenizer
from reader.finetuning import train
from reader.load import load_reader
from reader.train_settings import AugmentSettings, BatchSettings, EditRates, TrainSettings
from reader.training_data import TrainingSet, load_squad, mine_negatives

SPLIT_SEED = 7
OTHERS = 9
BATCH = 64
MEASURES = ("own_em", "own_f1", "among_em", "among_f1")
AUGMENT = AugmentSettings(EditRates(0.05, 0.02, 0.02), EditRates(0.05, 0.02, 0.02))


def cut(files: list[Path], out: Path, examples: int, development: int) -> tuple[Path, Path]:
    """Write training and development files of whole contexts; return where they are."""
    data = load_squad(files, ReaderTokenizer.from_folder(default_folder()))
    order = np.random.default_rng(SPLIT_SEED).permutation(len(data.contexts))
    own: dict[int, list] = {}
    for example in data.examples:
        if example.answers:
            own.setdefault(example.context, []).append(example)
    left = iter(number for number in order.tolist() if number in own)
    paths = []
    for name, wanted in (("development", development), ("train", examples)):
        articles, count = [], 0
        while count < wanted and (number := next(left, None)) is not None:
            context = data.contexts[number]
            qas = [_record(example, context) for example in own[number]]
            count += len(qas)
            paragraph = {"context": context.text, "qas": qas}
            articles.append({"title": context.title, "paragraphs": [paragraph]})
        if count < wanted:
            raise SystemExit(f"{name}: only {count} questions are left; ask for fewer")
        paths.append(out / f"{name}.json")
        paths[-1].write_text(json.dumps({"version": "1.1", "data": articles}))
    return paths[1], paths[0]


def _record(example, context):
    answers = [
        {"text": context.text[a:b], "answer_start": a}
        for a, b in (
            (int(context.pieces.starts[first]), int(context.pieces.ends[last]))
            for first, last in example.ranges
        )
    ]
    return {"id": example.id, "question": example.question, "answers": answers}


def variants(base: Path, pretrained: Path | None, file: Path, epochs: int):
    """Return the settings of every row of the table: the full recipe first."""
    full = TrainSettings(
        base=str(pretrained or base),
        files=(str(file),),
        epochs=epochs,
        development=0.0,
        batches=BatchSettings(augment=AUGMENT),
    )
    parts = {
        "negatives": lambda s: replace(s, batches=replace(s.batches, negative_rate=0.0)),
        "augmentation": lambda s: replace(s, batches=replace(s.batches, augment=AugmentSettings())),
        "relevance head": lambda s: replace(s, lambda_cls=0.0),
    }
    if pretrained:
        parts = {"pretraining": lambda s: replace(s, base=str(base))} | parts
    bare = full
    for leave in parts.values():
        bare = leave(bare)
    rows = {"full": full} | {f"without {name}": leave(full) for name, leave in parts.items()}
    return rows | {"without all": bare}


def measured(folder: Path, held: TrainingSet, *, relevance: bool) -> dict[str, list[float]]:
    """Return four scores for each development question, in per cent."""
    reader = load_reader(folder, precision="fp32").reader
    scores: dict[str, list[float]] = {name: [] for name in MEASURES}
    for begin in range(0, len(held.examples), BATCH):
        batch = held.examples[begin : begin + BATCH]
        for way, others in (("own", 0), ("among", OTHERS)):
            passages = [
                [_passage(held, n) for n in (e.context, *e.negatives[:others])] for e in batch
            ]
            found = reader.read([e.question for e in batch], passages)
            for example, spans in zip(batch, found, strict=True):
                best = max(spans, key=lambda span: _score(span, relevance), default=None)
                result = squad_scores(best.text if best else "", example.answers)
                scores[f"{way}_em"].append(100 * result.exact_match)
                scores[f"{way}_f1"].append(100 * result.f1)
    return scores


def _score(span, relevance: bool) -> float:
    score = span.start_logprob + span.end_logprob
    return score + span.relevance_logprob if relevance else score


def _passage(held: TrainingSet, number: int) -> Passage:
    text = held.contexts[number].text
    return Passage(number, str(number), "", text, 0, len(text))


def run_all(rows, seeds: int, held: TrainingSet, out: Path):
    """Train and measure what is not there yet; return scores of shape (seeds, questions)."""
    results = {}
    for name, settings in rows.items():
        runs = []
        for seed in range(13, 13 + seeds):
            folder = out / name.replace(" ", "-") / f"seed-{seed}"
            file = folder / "scores.json"
            if not file.exists():
                train(replace(settings, seed=seed), folder, resume=True)
                found = measured(folder, held, relevance=settings.lambda_cls > 0)
                file.write_text(json.dumps(found))
            runs.append(json.loads(file.read_text()))
        results[name] = {m: np.asarray([run[m] for run in runs]) for m in MEASURES}
    return results


def table(results) -> str:
    """Return mean and standard deviation over seeds, and the difference to the full recipe."""
    full = results["full"]
    lines = [f"{'recipe':<24}" + "".join(f"{m:>16}" for m in MEASURES) + f"{'among_f1 - full':>24}"]
    for name, scores in results.items():
        cells = []
        for measure in MEASURES:
            means = scores[measure].mean(1).tolist()
            sd = statistics.stdev(means) if len(means) > 1 else float("nan")
            cells.append(f"{statistics.mean(means):.2f} ± {sd:.2f}")
        line = f"{name:<24}" + "".join(f"{cell:>16}" for cell in cells)
        if name != "full":
            d = paired_bootstrap(scores["among_f1"].mean(0), full["among_f1"].mean(0))
            line += f"{d.difference:>+9.2f} [{d.low:+.2f}, {d.high:+.2f}]"
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, help="SQuAD-type training files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base", type=Path, default=default_folder())
    parser.add_argument("--pretrained", type=Path)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--development", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    training, development = cut(args.files, args.out, args.examples, args.development)
    held = load_squad([development], ReaderTokenizer.from_folder(args.base))
    held = mine_negatives(held, OTHERS, depth=2 * OTHERS)
    rows = variants(args.base, args.pretrained, training, args.epochs)
    results = run_all(rows, args.seeds, held, args.out)
    print(
        f"\n{args.examples} questions, {args.epochs} epoch(s), {args.seeds} seed(s); "
        f"{len(held.examples)} development questions"
    )
    print(table(results))


if __name__ == "__main__":
    main()
