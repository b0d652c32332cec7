"""`qa train reader`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.commands import options
from reader.train_settings import FEW_SHOT, AugmentSettings, EditRates, TrainSettings

_DEFAULTS = TrainSettings("", ())
# Options that are settings of the same name, of a run or of its batches.
_OF_RUN = (
    "epochs",
    "max_steps",
    "learning_rate",
    "head_learning_rate",
    "layer_decay",
    "weight_decay",
    "dropout",
    "warmup",
    "lambda_span",
    "lambda_cls",
    "negatives",
    "development",
    "patience",
    "evaluate_every",
    "seed",
    "distil",
    "temperature",
)
_OF_BATCHES = ("questions", "negative_rate", "own_negatives", "alter_rate", "passages")


def register(parsers: Any) -> None:
    """Declare `qa train reader`."""
    parser = parsers.add_parser(
        "reader",
        help="fine-tune a reader on SQuAD-type files",
        description="Fine-tune a reader. A stopped run goes on with --resume, exactly.",
    )
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        help="SQuAD-type JSON files, and JSONL files of `qa train mine`; either also compressed",
    )
    parser.add_argument(
        "--base",
        default="default",
        metavar="FOLDER",
        help="encoder or reader checkpoint (default: the bundled reader)",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the new checkpoint")
    parser.add_argument(
        "--few-shot",
        action="store_true",
        help="for 50 to 500 questions: a fifth of the documents held out, small steps, early "
        "stopping, the best checkpoint kept; other options still count",
    )
    parser.add_argument(
        "--seeds",
        type=options.positive,
        default=1,
        metavar="N",
        help="train N readers, OUT/seed-S, from seeds S on; tell their mean and spread",
    )
    parser.add_argument("--resume", action="store_true", help="go on with a stopped run")
    _add_schedule(parser)
    _add_selection(parser)
    _add_batches(parser)
    _add_teachers(parser)
    parser.set_defaults(run=run_reader)


def _add(parser: argparse.ArgumentParser, name: str, kind: Any, what: str = "") -> None:
    """Add an option whose default is the setting's, told for both cases where they differ."""
    field = name.replace("-", "_")
    usual, few = getattr(_DEFAULTS, field), getattr(FEW_SHOT, field)
    told = f"{usual}" if usual == few else f"{usual}; few-shot {few}"
    parser.add_argument(f"--{name}", type=kind, help=f"{what} ({told})".strip())


def _add_schedule(parser: argparse.ArgumentParser) -> None:
    _add(parser, "epochs", options.positive)
    _add(parser, "max-steps", options.positive, "stop after so many batches")
    _add(parser, "learning-rate", float, "of the last layer")
    _add(parser, "head-learning-rate", float)
    _add(parser, "layer-decay", options.share, "rate of a layer over that of the one above")
    _add(parser, "weight-decay", float)
    _add(parser, "dropout", options.share)
    _add(parser, "warmup", options.share, "share of the steps in which the rate rises")
    _add(parser, "lambda-span", float, "weight of the span loss")
    _add(parser, "lambda-cls", float, "weight of the relevance loss")
    _add(parser, "seed", options.seed)


def _add_teachers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--teachers",
        nargs="+",
        default=(),
        metavar="READER",
        help="readers of the same tokenizer, from whose mean the new one learns, too",
    )
    _add(parser, "distil", options.share, "share of the losses that the teachers give")
    _add(parser, "temperature", float, "what softens the teachers' scores of spans")


def _add_selection(parser: argparse.ArgumentParser) -> None:
    _add(parser, "development", options.share, "share of the questions to hold out")
    parser.add_argument(
        "--development-file", type=Path, metavar="FILE", help="SQuAD-type file in place of that"
    )
    parser.add_argument(
        "--by-document", action="store_true", help="hold out whole documents, not contexts"
    )
    _add(
        parser,
        "patience",
        options.positive,
        "keep the checkpoint of the best development F1, and stop after so many measurements "
        "without a better one",
    )
    _add(parser, "evaluate-every", options.positive, "steps between them; None: an epoch")


def _add_batches(parser: argparse.ArgumentParser) -> None:
    batches, few = _DEFAULTS.batches, FEW_SHOT.batches
    parser.add_argument(
        "--batch",
        dest="questions",
        type=options.positive,
        help=f"questions in a batch ({batches.questions}; few-shot {few.questions})",
    )
    _add(parser, "negatives", int, "hard negatives to find for each question, 0 for none")
    parser.add_argument(
        "--negative-rate",
        type=options.share,
        help=f"share of the questions that bring some ({batches.negative_rate})",
    )
    parser.add_argument(
        "--own-negatives",
        type=options.positive,
        help="how many they bring, questions with a paragraph of their own "
        f"({batches.own_negatives})",
    )
    parser.add_argument(
        "--alter-rate",
        type=options.share,
        help="share of the questions to alter so that their paragraph has no answer: a name, a "
        f"number or a word exchanged ({batches.alter_rate})",
    )
    parser.add_argument(
        "--passages",
        type=options.positive,
        help="passages of a mined question in a batch: one with an answer, the others without "
        f"({batches.passages})",
    )
    for part, words in (("question", "words"), ("context", "words outside the answers")):
        parser.add_argument(
            f"--augment-{part}",
            nargs=3,
            type=options.share,
            default=(0.0, 0.0, 0.0),
            metavar=("REPLACE", "DELETE", "INSERT"),
            help=f"shares of a {part}'s {words} that are edited anew in every epoch (none)",
        )


def read_settings(args: argparse.Namespace) -> TrainSettings:
    """Return the settings that the options stand for."""
    from reader.load import reader_folder

    preset = FEW_SHOT if args.few_shot else _DEFAULTS
    given = {name: value for name in _OF_RUN if (value := getattr(args, name)) is not None}
    of_batches = {name: value for name in _OF_BATCHES if (value := getattr(args, name)) is not None}
    augment = AugmentSettings(EditRates(*args.augment_question), EditRates(*args.augment_context))
    return replace(
        preset,
        base=str(reader_folder(args.base)),
        files=tuple(str(file) for file in args.files),
        development_file=str(args.development_file) if args.development_file else None,
        whole_documents=preset.whole_documents or args.by_document,
        teachers=tuple(str(reader_folder(folder)) for folder in args.teachers),
        batches=replace(preset.batches, augment=augment, **of_batches),
        **given,
    )


def require_training() -> None:
    """Raise QAError where the libraries for training are missing."""
    import importlib.util

    from indexing.errors import QAError

    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            raise QAError(f"training needs {name}: pip install 'spanqa[train]'")


def run_reader(args: argparse.Namespace) -> int:
    """Fine-tune one reader, or several from different seeds."""
    require_training()
    from indexing.errors import InputError
    from pipelines.training import train_and_measure, train_seeds

    settings = read_settings(args)
    if settings.seed + args.seeds > options.SEEDS:
        raise InputError(
            f"{args.seeds} seeds from {settings.seed} on go beyond {options.SEEDS - 1}"
        )
    if args.seeds == 1:
        result = train_and_measure(settings, args.out, resume=args.resume)
        if result is None:
            print("no contexts were held out; nothing to measure on")
        else:
            print(
                f"{args.out}: EM {result['exact_match']:.2f}, F1 {result['f1']:.2f} on the "
                f"{result['n']} held-out questions"
            )
        return 0
    summary = train_seeds(settings, args.seeds, args.out, resume=args.resume)
    for told, spread in (("EM", summary["exact_match"]), ("F1", summary["f1"])):
        print(
            f"{told} {spread['mean']:.2f}, standard deviation {spread['sd']:.2f}, "
            f"{spread['min']:.2f} to {spread['max']:.2f} over {args.seeds} seeds, on "
            f"{summary['n']} held-out questions"
        )
    print(f"best: {args.out / summary['best']}")
    return 0
