"""`qa calibrate`."""

from __future__ import annotations

import argparse
import json
import random
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from indexing.errors import InputError
from pipelines.commands import options
from pipelines.commands.calibration_output import Fits, document, show

if TYPE_CHECKING:
    from pipelines.calibrate import CalibrationReport
    from pipelines.calibrate_unlabelled import UnlabelledReport
    from pipelines.questions import ReadingExample
    from reader.calibration import Calibration
    from reader.calibrator_fitting import ReadQuestion
    from reader.load import LoadedReader
    from reader.spans import Reader
    from retriever.hits import Retriever

THRESHOLD = 0.1

T = TypeVar("T")
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
    options.add_also(parser)
    parser.add_argument(
        "--reading",
        nargs="+",
        default=(),
        metavar="FILE",
        help="SQuAD 2.0-type files to fit by when a given passage has no answer at all "
        "(`qa train alter` makes such)",
    )
    parser.add_argument(
        "--unlabelled",
        nargs="+",
        default=(),
        metavar="FILE",
        help="questions without answers, as they are asked of --index: question files, or text "
        "files (.txt) with a question a line; they move all probabilities up or down",
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
        "--threshold",
        type=options.share,
        default=None,
        help=f"abstain below this (a fit to answered questions: {THRESHOLD}; else as it was)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=None,
        help="a reader's folder; made as a copy of --reader if it is not there (default: --reader, "
        "where that is given)",
    )
    parser.add_argument("--seed", type=options.seed, default=13)
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the report as JSON; of two fits by their names ('asking' or 'unlabelled', "
        "and 'reading')",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run `qa calibrate`."""
    from reader.load import DEFAULT, load_reader

    asked = _asked(args)
    if args.out is None and args.reader in (None, DEFAULT):
        raise InputError("the bundled reader stays as it is: add --out DIR, for a copy of it")
    options.check_asked(asked.values(), unanswerable=True)
    examples = _examples(args.reading)
    loaded = load_reader(args.reader, args.device, args.precision)
    out = args.out or loaded.folder
    fits = _fit(args, asked, examples, loaded, out)
    _store(fits, out, loaded.folder)
    if args.json:
        print(json.dumps(document(fits)))
    else:
        show(fits, out)
    return 0


def _asked(args: argparse.Namespace) -> dict[str, Asked]:
    """Return what is asked of which index, by a name for people."""
    if (args.questions or args.unlabelled) and args.index is None:
        raise InputError("questions are asked of an index: add --index DIR")
    if args.unlabelled and (args.questions or args.also):
        raise InputError("--unlabelled goes on from a fit: fit to answered questions by themselves")
    asked = [(args.index, args.questions)] if args.questions else []
    asked += [(Path(index), [questions]) for index, questions in args.also]
    if not asked and not args.reading and not args.unlabelled:
        raise InputError("give development questions with --index, --reading or --unlabelled FILE")
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


def _fit(
    args: argparse.Namespace,
    asked: Mapping[str, Asked],
    examples: Sequence[ReadingExample],
    loaded: LoadedReader,
    out: Path,
) -> Fits:
    from reader.calibration import FILE, load_calibration

    # A new folder goes on from the reader's own calibration.
    known = load_calibration(out) if (out / FILE).is_file() else loaded.calibration
    asking, unlabelled, reading, notes = None, None, None, {}
    if asked:
        fitted, asking = _fit_asking(args, asked, loaded)
        known = replace(fitted, answerable=known.answerable)
        notes["asking"] = {"top_k": args.top_k, "seed": args.seed} | asdict(asking)
    if args.unlabelled:
        known, unlabelled = _fit_unlabelled(args, known, loaded)
        notes["unlabelled"] = {"top_k": args.top_k, "seed": args.seed} | asdict(unlabelled)
    if args.reading:
        from pipelines.calibrate_reading import calibrate_reading

        answerable, reading = calibrate_reading(examples, loaded.reader)
        known = replace(known, answerable=answerable)
        files: list[str] = [Path(file).name for file in args.reading]
        notes["reading"] = {"files": files} | asdict(reading)
    if args.threshold is not None:
        known = replace(known, threshold=args.threshold)
    return Fits(known, asking, unlabelled, reading, notes)


def _fit_asking(
    args: argparse.Namespace, asked: Mapping[str, Asked], loaded: LoadedReader
) -> tuple[Calibration, CalibrationReport]:
    from pipelines.calibrate import calibrate
    from pipelines.progress import open_progress
    from reader.load import load_rescorer

    found = {name: _read(args, *own, loaded.reader) for name, own in asked.items()}
    rescorer = load_rescorer(loaded.folder, args.device, args.precision)
    threshold = THRESHOLD if args.threshold is None else args.threshold
    return calibrate(found, threshold, loaded.calibration, args.seed, rescorer, open_progress())


def _store(fits: Fits, out: Path, reader: Path) -> None:
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


def _fit_unlabelled(
    args: argparse.Namespace, known: Calibration, loaded: LoadedReader
) -> tuple[Calibration, UnlabelledReport]:
    from pipelines.calibrate_unlabelled import calibrate_unlabelled
    from pipelines.progress import open_progress
    from pipelines.questions import load_question_texts
    from reader.load import load_rescorer

    texts = [text for source in args.unlabelled for text in load_question_texts(source)]
    chosen = _drawn(texts, args)
    rescorer = load_rescorer(loaded.folder, args.device, args.precision)
    with _retriever(args, args.index) as retriever:
        return calibrate_unlabelled(
            chosen, retriever, loaded.reader, known, rescorer, args.top_k, open_progress()
        )


def _read(
    args: argparse.Namespace, folder: Path, sources: list[str], reader: Reader
) -> list[ReadQuestion]:
    from pipelines.calibrate import read_questions
    from pipelines.progress import open_progress
    from pipelines.questions import load_questions

    questions = [one for source in sources for one in load_questions(source, unanswerable=True)]
    chosen = _drawn(questions, args)
    with _retriever(args, folder) as retriever:
        return read_questions(chosen, retriever, reader, args.top_k, open_progress())


def _drawn(questions: list[T], args: argparse.Namespace) -> list[T]:
    """Return the questions in random order, at most --limit of them."""
    random.Random(args.seed).shuffle(questions)
    return questions[: args.limit]


@contextmanager
def _retriever(args: argparse.Namespace, folder: Path) -> Iterator[Retriever]:
    from indexing.index import Index
    from pipelines.ask import open_index_retriever

    with Index.open(folder) as index:
        yield open_index_retriever(index, args.retriever, args.encoder, args.device, args.precision)
