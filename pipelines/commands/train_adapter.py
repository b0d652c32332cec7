"""`qa train adapter`."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.commands import options
from retriever.training.settings import AdapterTraining

if TYPE_CHECKING:
    from pipelines.adapter_training import TrainedAdapter

_DEFAULTS = AdapterTraining()
_DEPTH = 100


def register(parsers: Any) -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "adapter",
        help="fit the vectors of questions to an index, whose own vectors stay",
        description="Learn a linear map of questions' vectors from questions with answers: "
        "passages that the index finds for them are right if they hold an answer. Nothing is "
        "encoded anew, and it takes minutes. A tenth of the questions is held out (1,000 at "
        "most); if those do not find more with the adapter, nothing is written.",
    )
    parser.add_argument("questions", nargs="+", help="question files of any kind, for training")
    options.add_index(parser, required=True)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for encoder and adapter"
    )
    parser.add_argument(
        "--encoder",
        metavar="DIR",
        help="the encoder's folder, if not the index's; its adapter, if any, is gone on from",
    )
    parser.add_argument(
        "--depth",
        type=options.positive,
        default=_DEPTH,
        metavar="N",
        help=f"passages looked at for each question ({_DEPTH})",
    )
    parser.add_argument(
        "--strength",
        type=options.share,
        default=_DEFAULTS.strength,
        metavar="SHARE",
        help="how much of what was learnt is taken, 0 to 1: less of it keeps more of what the "
        f"encoder did before ({_DEFAULTS.strength})",
    )
    for name, kind in (("epochs", options.positive), ("learning-rate", float), ("seed", int)):
        default = getattr(_DEFAULTS, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"({default})")
    options.add_keep_out(
        parser, "files whose questions, and passages of whose paragraphs, do not train"
    )
    options.add_machine(parser)
    options.add_json(parser)
    parser.set_defaults(run=run_adapter)


def run_adapter(args: argparse.Namespace) -> int:
    """Train an adapter; 1 if it does not help."""
    from encoder.load import encoder_folder, load_encoder
    from encoder.question_adapter import read_adapter
    from indexing.errors import InputError
    from indexing.index import Index
    from pipelines.adapter_training import fit_adapter
    from pipelines.ask import index_encoder_name
    from pipelines.commands.train_reader import require_training
    from pipelines.progress import open_progress

    require_training()
    if args.out.exists():
        raise InputError(f"{args.out} is there already; choose another --out")
    settings = AdapterTraining(
        epochs=args.epochs,
        learning_rate=args.learning_rate,
        strength=args.strength,
        seed=args.seed,
    )
    with Index.open(args.index) as index:
        name = index_encoder_name(index, args.encoder)
        encoder = load_encoder(name, args.device, args.precision, adapted=False)
        folder = encoder_folder(name)
        found = fit_adapter(
            args.questions,
            index,
            encoder,
            read_adapter(folder, encoder.dimension),
            settings,
            depth=args.depth,
            keep_out=args.keep_out,
            progress=open_progress(),
        )
    helps = found.after["mrr"] > found.before["mrr"]
    if helps:
        part = args.out.with_name(args.out.name + ".part")
        shutil.copytree(folder, part, dirs_exist_ok=True)
        found.adapter.save(part)
        part.replace(args.out)
    _report(args, found, helps=helps)
    return 0 if helps else 1


def _report(args: argparse.Namespace, found: TrainedAdapter, *, helps: bool) -> None:
    if args.json:
        summary = {
            "questions": found.questions,
            "held_out": found.held_out,
            "before": found.before,
            "after": found.after,
            "out": str(args.out) if helps else None,
        }
        print(json.dumps(summary))
        return
    print(f"trained on {found.questions:,} questions; {found.held_out:,} held out:")
    for depth, before in found.before["recall"].items():
        print(f"  recall@{depth} {before:.1f} -> {found.after['recall'][depth]:.1f}")
    print(f"  MRR {found.before['mrr']:.3f} -> {found.after['mrr']:.3f}")
    if helps:
        print(f"written to {args.out}; use it with --encoder {args.out}")
    else:
        print("nothing written: the held-out questions find no more with it")
