"""`qa train retriever`."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.commands import options
from retriever.training.settings import EncoderTraining

if TYPE_CHECKING:
    from retriever.training.examples import TrainingExamples

_DEFAULTS = EncoderTraining("", ())
_OF_RUN = (
    "epochs",
    "max_steps",
    "batch",
    "negatives",
    "temperature",
    "learning_rate",
    "warmup",
    "weight_decay",
    "dropout",
    "chunk_tokens",
    "seed",
)


def register(parsers: Any) -> None:
    """Declare `qa train retriever`."""
    parser = parsers.add_parser(
        "retriever",
        help="train the dense encoder on questions, or on plain text",
        description="Train the encoder: each question's passage against all others of a batch. "
        "A stopped run goes on with --resume, exactly.",
    )
    parser.add_argument(
        "files",
        nargs="*",
        help="JSONL files of `qa train mine`, and SQuAD-type files; either also compressed",
    )
    parser.add_argument(
        "--adapt",
        nargs="+",
        default=[],
        metavar="CORPUS",
        help="in place of files: texts without questions, as for `qa index build`",
    )
    parser.add_argument(
        "--base",
        default="default",
        metavar="FOLDER",
        help="the encoder to start from (default: the bundled encoder)",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the new encoder")
    parser.add_argument("--resume", action="store_true", help="go on with a stopped run")
    parser.add_argument("--save-every", type=options.positive, default=200, metavar="STEPS")
    parser.add_argument(
        "--distil",
        metavar="READER",
        help="learn the relevance that a reader ('default' or a folder) gives to passages, too",
    )
    parser.add_argument(
        "--distil-weight", type=float, default=_DEFAULTS.distil, help=f"({_DEFAULTS.distil})"
    )
    _add_settings(parser)
    parser.set_defaults(run=run_retriever)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    def add(name: str, kind: Any, what: str = "") -> None:
        default = getattr(_DEFAULTS, name.replace("-", "_"))
        told = f"{what} ({default})".strip()
        parser.add_argument(f"--{name}", type=kind, default=default, help=told)

    add("epochs", options.positive)
    add("max-steps", options.positive, "stop after so many batches")
    add("batch", options.positive, "questions in a batch; more of them make it harder")
    add("negatives", int, "hard negatives of a question in a batch")
    add("temperature", float, "what scores are divided by")
    add("learning-rate", float)
    add("warmup", options.share, "share of the steps in which the rate rises")
    add("weight-decay", float)
    add("dropout", options.share)
    add("chunk-tokens", options.positive, "tokens on the device at once, whatever the batch")
    add("seed", options.seed)


def read_settings(args: argparse.Namespace) -> EncoderTraining:
    """Return the settings that the options stand for."""
    from encoder.load import default_folder
    from indexing.errors import InputError
    from reader.load import reader_folder

    if bool(args.files) == bool(args.adapt):
        raise InputError("give files with questions, or --adapt and a corpus")
    if args.adapt and args.distil:
        raise InputError("--distil needs files with questions; leave it out with --adapt")
    return EncoderTraining(
        base=str(default_folder() if args.base == "default" else Path(args.base)),
        sources=tuple(map(str, args.files or args.adapt)),
        teacher=str(reader_folder(args.distil)) if args.distil else "",
        distil=args.distil_weight,
        **{name: getattr(args, name) for name in _OF_RUN},
    )


def run_retriever(args: argparse.Namespace) -> int:
    """Train the encoder."""
    from pipelines.commands.train_reader import require_training
    from retriever.training.run import train

    require_training()
    settings = read_settings(args)
    train(
        partial(_load, settings, adapt=bool(args.adapt)),
        settings,
        args.out,
        resume=args.resume,
        save_every=args.save_every,
        teach=partial(_teach, settings, args.out) if settings.teacher else None,
    )
    print(f"{args.out}: an encoder; `qa index build SOURCE --out DIR --encoder {args.out}` uses it")
    return 0


def _load(settings: EncoderTraining, *, adapt: bool) -> TrainingExamples:
    from pipelines.progress import open_progress
    from pipelines.retriever_examples import load_examples
    from reader.load import load_reader

    if adapt:
        from indexing.corpus import CorpusOptions
        from pipelines.retriever_adaptation import corpus_examples

        progress = open_progress()
        return corpus_examples(settings.sources, CorpusOptions(), settings.seed, progress)
    if settings.teacher:
        load_reader(settings.teacher)  # one that cannot be read is no start of a run
    return load_examples(settings.sources)


def _teach(settings: EncoderTraining, out: Path, examples: TrainingExamples) -> TrainingExamples:
    from pipelines.progress import open_progress
    from pipelines.retriever_teacher import with_teacher
    from reader.load import load_reader

    reader = load_reader(settings.teacher).reader
    return with_teacher(examples, reader, out / "teacher.npy", open_progress())
