"""`qa calibrate`."""

from __future__ import annotations

import argparse
import json
import random
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexing.errors import InputError
from pipelines.commands import options

if TYPE_CHECKING:
    from pipelines.calibrate import CalibrationReport
    from pipelines.calibrate_reading import AnswerabilityReport
    from pipelines.questions import ReadingExample
    from reader.calibration import Calibration
    from reader.calibrator_fitting import ReadQuestion
    from reader.load import LoadedReader
    from reader.spans import Reader

Asked = tuple[Path, list[str]]  # an index, and question files


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
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the report as JSON; where both are fitted, one with 'asking' and 'reading'",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run `qa calibrate`."""
    from reader.load import load_reader

    asked = _asked(args)
    examples = _examples(args.reading)
    loaded = load_reader(args.reader, args.device, args.precision)
    out = args.out or loaded.folder
    fits = _fit(args, asked, examples, loaded, out)
    _store(fits, out, loaded.folder)
    if args.json:
        print(json.dumps(_document(fits)))
    else:
        _show(fits, out)
    return 0


def _asked(args: argparse.Namespace) -> dict[str, Asked]:
    """Return what is asked of which index, by a name for people."""
    if args.questions and args.index is None:
        raise InputError("development questions are asked of an index: add --index DIR")
    asked = [(args.index, args.questions)] if args.questions else []
    asked += [(Path(index), [questions]) for index, questions in args.also]
    if not asked and not args.reading:
        raise InputError("give development questions with --index, or --reading FILE, or both")
    short = [_name(index.name, (Path(one).name for one in sources)) for index, sources in asked]
    named: dict[str, Asked] = {}
    for name, (index, sources) in zip(short, asked, strict=True):
        unique = name if short.count(name) == 1 else _name(str(index), sources)
        if unique in named:
            raise InputError(f"{unique}: given twice; give an index and its questions once")
        named[unique] = (index, sources)
    return named


def _name(index: str, sources: Iterable[str]) -> str:
    return f"{', '.join(sources)} of {index}"


def _examples(files: Sequence[str]) -> list[ReadingExample]:
    from pipelines.questions import load_reading

    return [example for file in files for example in load_reading(file).examples]


@dataclass(frozen=True, slots=True)
class _Fits:
    """A calibration of which one part or both are fitted; a part that is not has no report."""

    calibration: Calibration
    asking: CalibrationReport | None
    reading: AnswerabilityReport | None
    notes: dict[str, dict[str, object]]


def _fit(
    args: argparse.Namespace,
    asked: Mapping[str, Asked],
    examples: Sequence[ReadingExample],
    loaded: LoadedReader,
    out: Path,
) -> _Fits:
    from reader.calibration import FILE, load_calibration

    # A new folder goes on from the reader's own calibration.
    known = load_calibration(out) if (out / FILE).is_file() else loaded.calibration
    asking, reading, notes = None, None, {}
    if asked:
        fitted, asking = _fit_asking(args, asked, loaded)
        known = replace(fitted, answerable=known.answerable)
        notes["asking"] = {"top_k": args.top_k, "seed": args.seed} | asdict(asking)
    if args.reading:
        from pipelines.calibrate_reading import calibrate_reading

        answerable, reading = calibrate_reading(examples, loaded.reader)
        known = replace(known, answerable=answerable)
        files: list[str] = [Path(file).name for file in args.reading]
        notes["reading"] = {"files": files} | asdict(reading)
    return _Fits(known, asking, reading, notes)


def _fit_asking(
    args: argparse.Namespace, asked: Mapping[str, Asked], loaded: LoadedReader
) -> tuple[Calibration, CalibrationReport]:
    from pipelines.calibrate import calibrate
    from pipelines.progress import open_progress
    from reader.load import load_rescorer

    found = {name: _read(args, *own, loaded.reader) for name, own in asked.items()}
    rescorer = load_rescorer(loaded.folder, args.device, args.precision)
    return calibrate(
        found, args.threshold, loaded.calibration, args.seed, rescorer, open_progress()
    )


def _store(fits: _Fits, out: Path, reader: Path) -> None:
    """Store the calibration; a new folder becomes a whole reader, or nothing."""
    from reader.calibration import save_calibration

    if out.exists():
        save_calibration(out, fits.calibration, fits.notes)
        return
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(reader, part, ignore=shutil.ignore_patterns("state"))
    save_calibration(part, fits.calibration, fits.notes)
    part.replace(out)


def _document(fits: _Fits) -> dict[str, object]:
    """Return the report of what was fitted, or both by their names."""
    parts = {
        name: asdict(report)
        for name, report in (("asking", fits.asking), ("reading", fits.reading))
        if report is not None
    }
    return next(iter(parts.values())) if len(parts) == 1 else dict(parts)


def _show(fits: _Fits, out: Path) -> None:
    if (asking := fits.asking) is not None:
        print(
            f"{asking.questions:,} questions; cross-validated: EM {100 * asking.em:.1f}, mean "
            f"probability {100 * asking.mean_probability:.1f} %, expected calibration error "
            f"{asking.expected_calibration_error:.3f}; stored in {out}"
        )
        for one in asking.sources if len(asking.sources) > 1 else ():
            print(
                f"  {one.name}: {one.questions:,} questions, EM {100 * one.em:.1f}, mean "
                f"probability {100 * one.mean_probability:.1f} %, error "
                f"{one.expected_calibration_error:.3f}"
            )
    if (reading := fits.reading) is not None:
        print(
            f"{reading.questions} questions, {100 * reading.answered:.0f} % with an answer: told "
            f"apart rightly {100 * reading.accuracy:.1f} %, by relevance alone "
            f"{100 * reading.accuracy_of_relevance:.1f} %; stored in {out}"
        )


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
