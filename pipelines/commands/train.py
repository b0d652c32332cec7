"""`qa train reader` and `qa calibrate`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pipelines import calibrate
from pipelines.commands import options
from reader.train_settings import BatchSettings, TrainSettings


def register(commands: Any) -> None:
    """Declare the training subcommands."""
    group = commands.add_parser("train", help="train models")
    parsers = group.add_subparsers(dest="action", metavar="WHAT", required=True)
    _register_reader(parsers)
    mean = parsers.add_parser("average", help="write the mean of checkpoints of one family")
    mean.add_argument("folders", nargs="+", type=Path, metavar="READER", help="checkpoint folders")
    mean.add_argument("--out", type=Path, required=True, help="folder for the mean")
    mean.set_defaults(run=run_average)
    calibration = commands.add_parser(
        "calibrate",
        help="fit ranking weights and probabilities on development questions",
    )
    calibrate.add_arguments(calibration)
    calibration.set_defaults(run=calibrate.run)


def _register_reader(parsers: Any) -> None:
    defaults = TrainSettings("", ())
    parser = parsers.add_parser(
        "reader",
        help="fine-tune a reader on SQuAD-type files",
        description="Fine-tune a reader. A stopped run goes on with --resume, exactly.",
    )
    parser.add_argument("files", nargs="+", type=Path, help="SQuAD-type JSON files (or .gz)")
    parser.add_argument("--base", type=Path, required=True, help="encoder or reader checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="folder for the new checkpoint")
    parser.add_argument("--epochs", type=options.positive, default=defaults.epochs)
    parser.add_argument("--max-steps", type=options.positive, help="stop after so many batches")
    parser.add_argument("--batch", type=options.positive, default=defaults.batches.questions)
    parser.add_argument("--learning-rate", type=float, default=defaults.learning_rate)
    parser.add_argument("--lambda-span", type=float, default=defaults.lambda_span)
    parser.add_argument("--lambda-cls", type=float, default=defaults.lambda_cls)
    parser.add_argument("--negative-rate", type=float, default=defaults.batches.negative_rate)
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--resume", action="store_true", help="go on with a stopped run")
    parser.set_defaults(run=run_reader)


def run_average(args: argparse.Namespace) -> int:
    """Write the mean of checkpoints."""
    from reader.averaging import average

    average(args.folders, args.out)
    return 0


def run_reader(args: argparse.Namespace) -> int:
    """Fine-tune a reader."""
    import importlib.util

    from indexing.errors import QAError

    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            raise QAError(f"training needs {name}: pip install 'spanqa[train]'")
    from reader.finetuning import train

    settings = TrainSettings(
        base=str(args.base),
        files=tuple(str(file) for file in args.files),
        epochs=args.epochs,
        max_steps=args.max_steps,
        learning_rate=args.learning_rate,
        lambda_span=args.lambda_span,
        lambda_cls=args.lambda_cls,
        seed=args.seed,
        batches=BatchSettings(questions=args.batch, negative_rate=args.negative_rate),
    )
    train(settings, args.out, resume=args.resume)
    score_development(settings, args.out)
    return 0


def score_development(settings: TrainSettings, checkpoint: Path) -> None:
    """Measure a checkpoint on the contexts that its run held out, and store the result with it."""
    import json

    from pipelines.evaluate import evaluate_reading
    from pipelines.progress import open_progress
    from pipelines.questions import ReadingExample, ReadingSet
    from reader.features import ReaderTokenizer
    from reader.load import load_reader
    from reader.training_data import load_squad, split_by_context

    data = load_squad(
        [Path(file) for file in settings.files], ReaderTokenizer.from_folder(checkpoint)
    )
    _, held = split_by_context(data, settings.development, settings.seed)
    examples = tuple(
        ReadingExample(e.id, e.question, data.contexts[e.context].text, e.answers)
        for e in held.examples
    )
    if not examples:
        print("no contexts were held out; nothing to measure on")
        return
    reader = load_reader(checkpoint, precision="fp32").reader
    result = evaluate_reading(ReadingSet(examples, "1.1"), reader, progress=open_progress())
    (checkpoint / "development.json").write_text(json.dumps(result, indent=2) + "\n")
    print(
        f"{checkpoint}: EM {result['exact_match']:.2f}, F1 {result['f1']:.2f} on the "
        f"{result['n']} held-out questions"
    )
