"""`qa pretrain`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pipelines.commands import options
from pipelines.commands.index import FORMATS
from reader.pretraining.settings import PretrainSettings

# A user's own texts are few: small steps, several passes, a rate that keeps what was learnt.
_ADAPTING = PretrainSettings("", "", epochs=3.0, step_tokens=8_192, learning_rate=5e-5)
_OUT = Path("pretrained")


def register(commands: Any) -> None:
    """Declare `qa pretrain`."""
    parser = commands.add_parser(
        "pretrain",
        help="pretrain an encoder on plain text, or adapt a reader to your texts",
        description="Pretrain by SpanBERT's objectives (Joshi et al. 2020). A stopped run goes on "
        "with --resume, exactly. For several GPUs: torchrun --nproc-per-node N -m pipelines.cli "
        "pretrain ..., or `accelerate launch -m pipelines.cli pretrain ...`.",
    )
    parser.add_argument("sources", nargs="*", metavar="CORPUS", help="as for `qa index build`")
    parser.add_argument(
        "--corpus", nargs="+", default=[], metavar="CORPUS", help="the same, by name"
    )
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--base",
        default="default",
        metavar="FOLDER",
        help="a BERT checkpoint to start from (default: the bundled encoder)",
    )
    start.add_argument(
        "--from",
        dest="reader",
        metavar="READER",
        help="adapt a reader ('default' or a folder) to the corpus: small steps, 3 epochs",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="start from random weights of this config.json's shape; --base gives the tokenizer",
    )
    parser.add_argument("--out", type=Path, default=_OUT, help=f"folder to write ({_OUT})")
    parser.add_argument("--resume", action="store_true", help="go on with a stopped run")
    _add_corpus_options(parser)
    _add_settings(parser)
    parser.set_defaults(run=run_pretrain)


def _add_corpus_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=FORMATS, default="auto", metavar="NAME", help="of files"
    )
    parser.add_argument("--text-field", metavar="NAME", help="where the text is")
    parser.add_argument(
        "--tokens", type=Path, metavar="DIR", help="where tokens are kept (default: OUT/tokens)"
    )
    options.add_keep_out(
        parser,
        "question files whose contexts must not train: paragraphs of which a fifth or more "
        "stands in them are left out",
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes that mask (6 for a GPU, else none)"
    )
    parser.add_argument("--save-every", type=options.positive, default=500, metavar="STEPS")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Add what `PretrainSettings` holds; None stands for the default of the case."""
    defaults = PretrainSettings("", "")
    parser.add_argument("--epochs", type=float, help=f"passes over the corpus ({defaults.epochs})")
    parser.add_argument("--max-steps", type=options.positive, help="stop after so many steps")
    parser.add_argument(
        "--length", type=options.positive, default=defaults.length, help="tokens of a segment (512)"
    )
    parser.add_argument(
        "--step-tokens",
        type=options.positive,
        help=f"tokens of an optimizer step ({defaults.step_tokens})",
    )
    parser.add_argument(
        "--batch-tokens",
        type=options.positive,
        default=defaults.batch_tokens,
        help=f"tokens on the device at once ({defaults.batch_tokens})",
    )
    parser.add_argument("--learning-rate", type=float, help=f"({defaults.learning_rate})")
    parser.add_argument("--warmup", type=options.share, default=defaults.warmup)
    parser.add_argument("--weight-decay", type=float, default=defaults.weight_decay)
    parser.add_argument("--dropout", type=options.share, default=defaults.dropout)
    parser.add_argument(
        "--no-boundary", action="store_true", help="leave the span boundary objective out"
    )
    parser.add_argument(
        "--recurring",
        type=options.share,
        default=defaults.recurring,
        metavar="SHARE",
        help="share of segments that train recurring span selection (Ram et al. 2021)",
    )
    parser.add_argument("--seed", type=options.seed, default=defaults.seed)


def _settings(args: argparse.Namespace) -> PretrainSettings:
    from encoder.load import default_folder
    from reader.load import reader_folder

    if args.reader is not None:
        defaults, base = _ADAPTING, reader_folder(args.reader)
    else:
        defaults = PretrainSettings("", "")
        base = default_folder() if args.base == "default" else Path(args.base)
    step_tokens = args.step_tokens or defaults.step_tokens
    return PretrainSettings(
        base=str(base),
        tokens=str(args.tokens or args.out / "tokens"),
        config=str(args.config) if args.config else None,
        epochs=defaults.epochs if args.epochs is None else args.epochs,
        max_steps=args.max_steps,
        length=args.length,
        step_tokens=step_tokens,
        batch_tokens=min(args.batch_tokens, step_tokens),
        learning_rate=args.learning_rate or defaults.learning_rate,
        warmup=args.warmup,
        weight_decay=args.weight_decay,
        dropout=args.dropout,
        boundary=not args.no_boundary,
        recurring=args.recurring,
        seed=args.seed,
    )


def run_pretrain(args: argparse.Namespace) -> int:
    """Tokenise the corpus, then pretrain."""
    from indexing.corpus import CorpusOptions, FieldNames
    from indexing.errors import InputError
    from indexing.problems import Problems
    from pipelines.commands.train_reader import require_training
    from pipelines.kept_out import KeptOut
    from pipelines.progress import open_progress
    from reader.pretraining.processes import process_group
    from reader.pretraining.run import pretrain
    from reader.pretraining.shards import write_tokens

    sources = [*args.sources, *args.corpus]
    if not sources:
        raise InputError("there is no corpus; give files or folders of text")
    require_training()
    settings = _settings(args)
    corpus = CorpusOptions(format=args.format, fields=FieldNames(text=args.text_field))
    problems = Problems()
    with process_group() as group:
        settings.check(group.size)
        if group.first:
            manifest = write_tokens(
                sources,
                Path(settings.base),
                Path(settings.tokens),
                corpus,
                problems,
                keep=KeptOut(args.keep_out).paragraphs if args.keep_out else None,
                kept_out=tuple(map(str, args.keep_out)),
                besides=(args.out,),
                progress=open_progress(),
            )
            pieces = sum(shard.pieces for shard in manifest.shards)
            documents = sum(shard.documents for shard in manifest.shards)
            print(f"{settings.tokens}: {pieces:,} word pieces of {documents:,} documents")
            if problems.total:
                print(f"{problems.total:,} records were skipped; `qa index build` names them")
        group.wait()
        pretrain(
            settings,
            args.out,
            group,
            resume=args.resume,
            save_every=args.save_every,
            workers=args.workers,
        )
        if group.first:
            print(f"{args.out}: pretrained; `qa train reader --base {args.out}` goes on from it")
    return 0
