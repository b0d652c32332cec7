"""`qa train adapter`."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.commands import options
from retriever.training.settings import AdapterTraining

if TYPE_CHECKING:
    from pipelines.adapter_training import Fitted

_DEFAULTS = AdapterTraining()
_DEPTH = 100
_HYBRID, _DENSE = "hybrid", "dense"
_STRENGTH_WHOLE = 0.5  # chosen on development questions (benchmarks/results/retrieval.md)


def register(parsers: Any) -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "adapter",
        help="fit the vectors of questions to an index, whose own vectors stay",
        description="Learn a linear map of questions' vectors, or a whole encoder of questions, "
        "from questions with answers: passages that the index finds for them are right if they "
        "hold an answer. No passage is encoded anew. 10,000 questions take minutes on two cores; "
        "an encoder uses a GPU if there is one. A tenth of the questions is held out (1,000 at "
        "most); if their answers are not found further up, nothing is written.",
    )
    parser.add_argument("questions", nargs="+", help="question files of any kind, for training")
    options.add_index(parser, required=True)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for encoder and adapter"
    )
    parser.add_argument(
        "--encoder",
        metavar="DIR",
        help="the encoder's folder, if not the index's; what it has for questions is gone on from",
    )
    parser.add_argument(
        "--whole",
        action="store_true",
        help="train an encoder of questions, and the map after it: finds more, is 21 MB larger",
    )
    parser.add_argument(
        "--retriever",
        choices=(_HYBRID, _DENSE),
        default=_HYBRID,
        help="what the vectors are for: to be fused with BM25, whose scores are then added while "
        f"training, or alone ({_HYBRID})",
    )
    parser.add_argument(
        "--depth",
        type=options.positive,
        default=_DEPTH,
        metavar="N",
        help=f"passages of each ranking looked at for each question ({_DEPTH})",
    )
    parser.add_argument(
        "--strength",
        type=options.share,
        metavar="SHARE",
        help="how much of what was learnt is taken, 0 to 1: less of it keeps more of what the "
        f"encoder did before ({_DEFAULTS.strength}; with --whole {_STRENGTH_WHOLE})",
    )
    kinds = {"epochs": options.positive, "learning-rate": float, "seed": options.seed}
    for name, kind in kinds.items():
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
    from encoder.protocol import TextEncoder
    from indexing.errors import InputError
    from indexing.index import Index
    from pipelines.adapter_training import fit_questions
    from pipelines.ask import index_encoder_name
    from pipelines.commands.train_reader import require_training
    from pipelines.progress import open_progress
    from retriever.dense import check_encoder

    require_training()
    if args.out.exists():
        raise InputError(f"{args.out} is there already; choose another --out")

    def load(folder: Path, adapted: bool) -> TextEncoder:
        return load_encoder(str(folder), args.device, args.precision, adapted=adapted)

    with Index.open(args.index) as index, _part(args.out) as part:
        name = index_encoder_name(index, args.encoder)
        check_encoder(index, load_encoder(name, args.device, args.precision))
        shutil.copytree(encoder_folder(name), part)
        found = fit_questions(
            args.questions,
            index,
            part,
            load,
            _settings(args),
            whole=args.whole,
            depth=args.depth,
            keep_out=args.keep_out,
            progress=open_progress(),
        )
        helps = found.after["mrr"] > found.before["mrr"]
        if helps:
            part.replace(args.out)
    _report(args, found, helps=helps)
    return 0 if helps else 1


@contextmanager
def _part(out: Path) -> Iterator[Path]:
    """Give a folder beside `out` that is gone afterwards, unless it was moved."""
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _settings(args: argparse.Namespace) -> AdapterTraining:
    strength = args.strength
    if strength is None:
        strength = _STRENGTH_WHOLE if args.whole else _DEFAULTS.strength
    return AdapterTraining(
        epochs=args.epochs,
        learning_rate=args.learning_rate,
        lexical=_DEFAULTS.lexical if args.retriever == _HYBRID else 0.0,
        strength=strength,
        seed=args.seed,
    )


def _report(args: argparse.Namespace, found: Fitted, *, helps: bool) -> None:
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
    print(
        f"trained on {found.questions:,} questions; {found.held_out:,} held out, {args.retriever}:"
    )
    for depth, before in found.before["recall"].items():
        print(f"  recall@{depth} {before:.1f} -> {found.after['recall'][depth]:.1f}")
    print(f"  MRR {found.before['mrr']:.3f} -> {found.after['mrr']:.3f}")
    if helps:
        print(f"written to {args.out}; use it with --encoder {args.out}")
    else:
        print("nothing written: the held-out questions find no more with it")
