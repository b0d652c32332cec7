"""`qa train reader` and `qa calibrate`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pipelines import calibrate
from pipelines.commands import options, train_graph
from pipelines.mining import MiningSettings
from reader.train_settings import AugmentSettings, BatchSettings, EditRates, TrainSettings


def register(commands: Any) -> None:
    """Declare the training subcommands."""
    group = commands.add_parser("train", help="train models")
    parsers = group.add_subparsers(dest="action", metavar="WHAT", required=True)
    _register_reader(parsers)
    _register_mine(parsers)
    train_graph.register(parsers)
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
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        help="SQuAD-type JSON files, and JSONL files of `qa train mine`; either also .gz",
    )
    parser.add_argument("--base", type=Path, required=True, help="encoder or reader checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="folder for the new checkpoint")
    parser.add_argument("--epochs", type=options.positive, default=defaults.epochs)
    parser.add_argument("--max-steps", type=options.positive, help="stop after so many batches")
    parser.add_argument("--batch", type=options.positive, default=defaults.batches.questions)
    parser.add_argument("--learning-rate", type=float, default=defaults.learning_rate)
    parser.add_argument("--lambda-span", type=float, default=defaults.lambda_span)
    parser.add_argument("--lambda-cls", type=float, default=defaults.lambda_cls)
    parser.add_argument("--negative-rate", type=float, default=defaults.batches.negative_rate)
    parser.add_argument(
        "--passages",
        type=options.positive,
        default=defaults.batches.passages,
        help="passages of a mined question in a batch: one with an answer, the others without",
    )
    _add_augmentation(parser)
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--resume", action="store_true", help="go on with a stopped run")
    parser.set_defaults(run=run_reader)


def _add_augmentation(parser: argparse.ArgumentParser) -> None:
    for part, words in (("question", "words"), ("context", "words outside the answers")):
        parser.add_argument(
            f"--augment-{part}",
            nargs=3,
            type=options.share,
            default=(0.0, 0.0, 0.0),
            metavar=("REPLACE", "DELETE", "INSERT"),
            help=f"shares of a {part}'s {words} that are edited anew in every epoch (none)",
        )


def _register_mine(parsers: Any) -> None:
    defaults = MiningSettings()
    parser = parsers.add_parser(
        "mine",
        help="find training passages for questions in an index",
        description="Write hard negatives for questions with a paragraph, and passages that hold "
        "the answer for question-answer pairs without one (distant supervision).",
    )
    parser.add_argument("questions", nargs="+", help="question files of any kind, for training")
    options.add_index(parser, required=True)
    options.add_retrieval(parser)
    parser.add_argument("--out", type=Path, required=True, help="the JSONL file to write")
    parser.add_argument("--depth", type=options.positive, default=defaults.depth)
    parser.add_argument("--positives", type=options.positive, default=defaults.positives)
    parser.add_argument("--negatives", type=options.positive, default=defaults.negatives)
    parser.add_argument(
        "--keep-out",
        nargs="+",
        default=(),
        type=Path,
        metavar="FILE",
        help="files whose questions, and passages of whose paragraphs, are passed over",
    )
    parser.add_argument("--resume", action="store_true", help="go on with a stopped run")
    parser.set_defaults(run=run_mine)


def run_mine(args: argparse.Namespace) -> int:
    """Mine training passages."""
    from indexing.index import Index
    from pipelines.ask import open_index_retriever
    from pipelines.mining import mine_file
    from pipelines.progress import open_progress

    settings = MiningSettings(args.depth, args.positives, args.negatives, tuple(args.keep_out))
    with Index.open(args.index) as index:
        retriever = open_index_retriever(
            index, args.retriever, args.encoder, args.device, args.precision
        )
        counts = mine_file(
            args.questions,
            retriever,
            args.out,
            settings,
            resume=args.resume,
            progress=open_progress(),
        )
    print(
        f"{args.out}: {counts['kept']:,} of {counts['questions']:,} questions, "
        f"{counts['positives']:,} passages with an answer, {counts['negatives']:,} without; "
        f"{counts['without_positive']:,} questions had no passage with an answer"
    )
    return 0


def run_average(args: argparse.Namespace) -> int:
    """Write the mean of checkpoints."""
    from reader.averaging import average

    average(args.folders, args.out)
    return 0


def require_training() -> None:
    """Raise QAError where the libraries for training are missing."""
    import importlib.util

    from indexing.errors import QAError

    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            raise QAError(f"training needs {name}: pip install 'spanqa[train]'")


def run_reader(args: argparse.Namespace) -> int:
    """Fine-tune a reader."""
    require_training()
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
        batches=BatchSettings(
            questions=args.batch,
            negative_rate=args.negative_rate,
            passages=args.passages,
            augment=AugmentSettings(
                EditRates(*args.augment_question), EditRates(*args.augment_context)
            ),
        ),
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
    from reader.mined_data import is_mined
    from reader.training_data import load_squad, split_by_context

    plain = [Path(file) for file in settings.files if not is_mined(Path(file))]
    data = load_squad(plain, ReaderTokenizer.from_folder(checkpoint))
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
