"""`qa train rescorer`."""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.commands import options
from reader.rescorer_settings import RescorerSettings

if TYPE_CHECKING:
    from pipelines.rescorer_candidates import CandidateCounts
    from reader.rescorer_training import RescorerResult

_DEFAULTS = RescorerSettings("", ())
_TOP_K = 7
_WORK = "rescorer-training"
_OF_RUN_ONLY = ("state", "log.jsonl", "settings.json")


def register(parsers: Any) -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "rescorer",
        help="train a second model to tell a reader's right answers from its wrong ones",
        description="Ask questions with answers of an index, and train a model that reads each of "
        "the reader's best answers again, marked in its passage. OUT becomes a copy of the reader "
        "with the new model beside it. If the reader has such a model, as the bundled one has, "
        "training goes on from that. A stopped run goes on with --resume, exactly.",
    )
    parser.add_argument("questions", nargs="+", help="question files of any kind, for training")
    options.add_index(parser, required=True)
    options.add_also(parser)
    options.add_reader(parser)
    options.add_retrieval(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the reader with it"
    )
    parser.add_argument(
        "--top-k",
        type=options.positive,
        default=_TOP_K,
        metavar="N",
        help=f"passages read for each question ({_TOP_K})",
    )
    parser.add_argument(
        "--batch",
        type=options.positive,
        default=_DEFAULTS.questions,
        help=f"questions in a batch ({_DEFAULTS.questions})",
    )
    parser.add_argument(
        "--anew", action="store_true", help="start from the reader, whatever it has beside it"
    )
    kinds = {
        "epochs": options.positive,
        "learning-rate": float,
        "dropout": options.share,
        "seed": options.seed,
    }
    for name, kind in kinds.items():
        default = getattr(_DEFAULTS, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"({default})")
    options.add_keep_out(
        parser, "files whose questions, and passages of whose paragraphs, do not train"
    )
    parser.add_argument("--resume", action="store_true", help="go on with a stopped run")
    options.add_json(parser)
    parser.set_defaults(run=run_rescorer)


def run_rescorer(args: argparse.Namespace) -> int:
    """Train a rescorer for a reader."""
    from pipelines.commands.train_reader import require_training
    from reader.load import reader_folder
    from reader.rescorer_training import train_rescorer
    from reader.rescoring import RESCORER

    require_training()
    _check_out(args)
    folder, work = reader_folder(args.reader), args.out / _WORK
    candidates, counts = _write_candidates(args, folder, work)
    goes_on = (folder / RESCORER).is_dir() and not args.anew
    settings = RescorerSettings(
        base=str(folder / RESCORER if goes_on else folder),
        files=tuple(str(file) for file in candidates),
        goes_on=goes_on,
        epochs=args.epochs,
        questions=args.batch,
        learning_rate=args.learning_rate,
        dropout=args.dropout,
        seed=args.seed,
    )
    result = train_rescorer(settings, work / "run", resume=args.resume)
    _publish(folder, work / "run", args.out)
    _report(args, counts, result)
    return 0


def _check_out(args: argparse.Namespace) -> None:
    """Raise InputError where --out is there and is no run to go on with."""
    from indexing.errors import InputError

    if not args.out.exists():
        return
    if not args.resume:
        raise InputError(
            f"{args.out} is there already; choose another --out, or add --resume to go on with a "
            "stopped run"
        )
    if not (args.out / _WORK).is_dir():
        raise InputError(
            f"{args.out} holds no run of `qa train rescorer` to go on with; choose another --out"
        )


def _write_candidates(
    args: argparse.Namespace, folder: Path, work: Path
) -> tuple[list[Path], CandidateCounts]:
    """Ask the questions of each index, and return the files of candidates and their counts.

    What is asked of an index is a run of its own: those that are whole are not asked again.
    """
    from indexing.index import Index
    from pipelines.ask import open_index_retriever
    from pipelines.progress import open_progress
    from pipelines.rescorer_candidates import (
        CANDIDATES,
        CandidateCounts,
        CandidateSettings,
        write_candidates,
    )
    from reader.load import load_reader

    asked = [(args.index, args.questions)] + [(Path(also), [own]) for also, own in args.also]
    options.check_asked(asked, unanswerable=False)
    loaded = load_reader(folder, args.device, args.precision)
    files, total = [], CandidateCounts()
    for number, (place, questions) in enumerate(asked):
        own = work / f"also-{number}" if number else work
        settings = CandidateSettings(
            sources=tuple(questions),
            index=str(place),
            reader=str(folder),
            retriever=args.retriever,
            encoder=args.encoder,
            top_k=args.top_k,
            keep_out=tuple(str(file) for file in args.keep_out),
        )
        with Index.open(place) as index:
            retriever = open_index_retriever(
                index, args.retriever, args.encoder, args.device, args.precision
            )
            total += write_candidates(
                settings, retriever, loaded, own, resume=args.resume, progress=open_progress()
            )
        files.append(own / CANDIDATES)
    return files, total


def _publish(reader: Path, run: Path, out: Path) -> None:
    """Copy the reader's own files to `out`, and the new checkpoint beside them, which comes last.

    Folders within the reader's, as a rescorer of its own or a run's states, are left out.
    """
    from reader.rescoring import RESCORER

    for file in reader.iterdir():
        if file.is_file():
            shutil.copyfile(file, out / file.name)
    part = out / f"{RESCORER}.part"
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(run, part, ignore=shutil.ignore_patterns(*_OF_RUN_ONLY))
    shutil.rmtree(out / RESCORER, ignore_errors=True)
    part.replace(out / RESCORER)


def _report(args: argparse.Namespace, counts: CandidateCounts, result: RescorerResult) -> None:
    if args.json:
        print(json.dumps({"candidates": asdict(counts), **asdict(result), "out": str(args.out)}))
        return
    print(
        f"{counts.asked:,} questions asked: {counts.written:,} with a right answer and a wrong "
        f"one, {counts.without_right:,} without a right answer"
    )
    print(
        f"trained on {result.trained:,} questions; of {result.held_out:,} held out the first "
        f"answer is right for {result.before:,} -> {result.after:,}"
    )
    print(
        f"written to {args.out}; next, on development questions: "
        f"qa calibrate QUESTIONS --index {args.index} --reader {args.out}"
    )
