"""`qa calibrate`."""

from __future__ import annotations

import argparse
import json
import random
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexing.errors import InputError
from pipelines.commands import options

if TYPE_CHECKING:
    from reader.calibrator_fitting import ReadQuestion
    from reader.spans import Reader


def register(commands: Any) -> None:
    """Declare `qa calibrate`."""
    parser = commands.add_parser(
        "calibrate",
        help="fit ranking weights and probabilities on development questions",
        description="Fit how answers are ranked, and their probabilities, on development "
        "questions asked of an index. With several corpora, some of which do not answer their "
        "questions, probabilities hold for other corpora too.",
    )
    parser.add_argument(
        "questions",
        nargs="*",
        help="development questions (never test ones); an empty list of answers "
        "says that nothing answers a question",
    )
    parser.add_argument("--index", type=Path, default=None, help="the index to ask them of")
    parser.add_argument(
        "--also",
        nargs=2,
        action="append",
        default=[],
        metavar=("INDEX", "QUESTIONS"),
        help="another index and its questions; may be given several times",
    )
    parser.add_argument(
        "--reading",
        nargs="+",
        default=(),
        metavar="FILE",
        help="SQuAD 2.0-type files to fit by when a given passage has no answer at all "
        "(`qa train alter` makes such)",
    )
    parser.add_argument("--reader", default=None, help="checkpoint folder (default: the bundled)")
    options.add_retrieval(parser)
    parser.add_argument(
        "--top-k", type=options.positive, default=20, help="passages read for each question (20)"
    )
    parser.add_argument(
        "--limit",
        type=options.positive,
        default=2000,
        help="questions taken of each index, at random (2000)",
    )
    parser.add_argument(
        "--threshold", type=options.share, default=0.1, help="abstain below this (0.1)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=None,
        help="a reader's folder; made as a copy of --reader if it is not there (default: --reader)",
    )
    parser.add_argument("--seed", type=options.seed, default=13)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run `qa calibrate`."""
    if args.questions and args.index is None:
        raise InputError("development questions are asked of an index: add --index DIR")
    asked = [(args.index, args.questions)] if args.questions else []
    asked += [(Path(index), [questions]) for index, questions in args.also]
    if not asked and not args.reading:
        raise InputError("give development questions with --index, or --reading FILE, or both")
    if asked:
        _calibrate_ranking(args, asked)
    if args.reading:
        from pipelines.calibrate_reading import calibrate_reading
        from reader.load import reader_folder

        folder = _folder(args.out, reader_folder(args.reader))
        calibrate_reading(args.reading, args.reader, folder, as_json=args.json)
    return 0


def _calibrate_ranking(args: argparse.Namespace, asked: list[tuple[Path, list[str]]]) -> None:
    from pipelines.calibrate import calibrate
    from pipelines.progress import open_progress
    from reader.load import load_reader, load_rescorer

    loaded = load_reader(args.reader, args.device, args.precision)
    found = {}
    for index, sources in asked:
        names = ", ".join(Path(source).name for source in sources)
        found[f"{names} of {index.name}"] = _read(args, index, sources, loaded.reader)
    notes: dict[str, object] = {"top_k": args.top_k, "seed": args.seed}
    folder = _folder(args.out, loaded.folder)
    rescorer = load_rescorer(loaded.folder, args.device, args.precision)
    report = calibrate(
        found,
        folder,
        args.threshold,
        notes,
        loaded.calibration,
        args.seed,
        rescorer,
        open_progress(),
    )
    if args.json:
        print(json.dumps(asdict(report)))
        return
    print(
        f"{report.questions:,} questions; cross-validated: EM {100 * report.em:.1f}, mean "
        f"probability {100 * report.mean_probability:.1f} %, expected calibration error "
        f"{report.expected_calibration_error:.3f}; stored in {folder}"
    )
    if len(report.sources) > 1:
        for one in report.sources:
            print(
                f"  {one.name}: {one.questions:,} questions, EM {100 * one.em:.1f}, mean "
                f"probability {100 * one.mean_probability:.1f} %, error "
                f"{one.expected_calibration_error:.3f}"
            )


def _folder(out: Path | None, reader: Path) -> Path:
    """Return the folder of the calibration; a new one becomes a whole reader, or nothing."""
    if out is None:
        return reader
    if not out.exists():
        part = out.with_name(out.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(reader, part, ignore=shutil.ignore_patterns("state"))
        part.replace(out)
    return out


def _read(
    args: argparse.Namespace, folder: Path, sources: list[str], reader: Reader
) -> list[ReadQuestion]:
    from indexing.index import Index
    from pipelines.ask import open_index_retriever
    from pipelines.calibrate import read_questions
    from pipelines.progress import open_progress
    from pipelines.questions import load_questions

    questions = [one for source in sources for one in load_questions(source, unanswerable=True)]
    random.Random(args.seed).shuffle(questions)
    with Index.open(folder) as index:
        retriever = open_index_retriever(
            index, args.retriever, args.encoder, args.device, args.precision
        )
        return read_questions(
            questions[: args.limit], retriever, reader, args.top_k, open_progress()
        )
