"""Options that several subcommands share."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexing.formats.source import FieldNames
    from pipelines.ask import QuestionAnswering
    from pipelines.graph_answers import GraphSettings
    from retriever.stages.compose import StageSettings

RETRIEVERS = ("hybrid", "bm25", "dense")
PRECISIONS = ("auto", "int8", "bf16", "fp32")
SEEDS = 2**24


def add_index(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Add `--index`."""
    parser.add_argument(
        "--index",
        type=Path,
        metavar="DIR",
        required=required,
        help="the index" if required else "the index (default: $QA_INDEX, else the bundled demo)",
    )


def add_also(parser: argparse.ArgumentParser) -> None:
    """Add `--also`: further indexes, each with questions of its own."""
    parser.add_argument(
        "--also",
        nargs=2,
        action="append",
        default=[],
        metavar=("INDEX", "QUESTIONS"),
        help="another index and its questions; may be given several times",
    )


def check_asked(asked: Iterable[tuple[Path, Sequence[str]]], *, unanswerable: bool) -> None:
    """Open each index and load its questions, before the first of them are asked for minutes.

    Raises:
        QAError: one of them is not there or is unusable.
    """
    from indexing.index import Index
    from pipelines.questions import load_questions

    for index, sources in asked:
        Index.open(index).close()
        for source in sources:
            load_questions(source, unanswerable=unanswerable)


def add_fields(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the fields of records."""
    for field in ("id", "title", "text", "url"):
        parser.add_argument(f"--{field}-field", metavar="NAME", help=f"where the {field} is")


def field_names(args: argparse.Namespace) -> FieldNames:
    """Return what the options of `add_fields` say."""
    from indexing.formats.source import FieldNames

    return FieldNames(args.id_field, args.title_field, args.text_field, args.url_field)


def add_retrieval(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose a retriever and the machine's part in it."""
    parser.add_argument(
        "--retriever",
        choices=RETRIEVERS,
        help="what finds passages (default: hybrid where the index has vectors, else bm25)",
    )
    parser.add_argument("--encoder", metavar="DIR", help="the encoder's folder, if not the index's")
    add_machine(parser)


def add_stages(parser: argparse.ArgumentParser) -> None:
    """Add the options of what follows retrieval."""
    stages = parser.add_argument_group("after retrieval")
    stages.add_argument(
        "--rerank",
        metavar="NAME",
        help="score the first passages again: 'reader', or a cross-encoder's folder or hub name",
    )
    stages.add_argument(
        "--rerank-depth", type=positive, default=50, metavar="N", help="how many (default 50)"
    )
    stages.add_argument(
        "--rerank-weight",
        type=share,
        default=0.5,
        metavar="W",
        help="the new score's share, from 0 to 1 (default 0.5)",
    )
    stages.add_argument(
        "--collapse-duplicates",
        action="store_true",
        help="passages of (nearly) the same text become one",
    )
    stages.add_argument(
        "--per-document", type=positive, metavar="N", help="at most N passages of a document first"
    )
    stages.add_argument(
        "--neighbours",
        type=positive,
        default=0,
        metavar="N",
        help="the first N bring the passages before and after them",
    )


def stage_settings(args: argparse.Namespace) -> StageSettings:
    """Return what the options of `add_stages` say."""
    from retriever.stages.compose import StageSettings

    return StageSettings(
        rerank=args.rerank,
        rerank_depth=args.rerank_depth,
        rerank_weight=args.rerank_weight,
        collapse_duplicates=args.collapse_duplicates,
        per_document=args.per_document,
        neighbours=args.neighbours,
    )


def graph_settings(args: argparse.Namespace) -> GraphSettings:
    """Return what the options of `add_graph` say."""
    from pipelines.graph_answers import GraphSettings

    return GraphSettings(not args.no_match, args.hops, args.paths)


def load_answering(
    args: argparse.Namespace, folder: Path, graph: GraphSettings | None = None
) -> QuestionAnswering:
    """Open an index for asking, as the options of retrieval, its stages and the reader say."""
    from pipelines.ask import QuestionAnswering

    return QuestionAnswering.load(
        folder,
        retriever=args.retriever,
        reader=args.reader,
        encoder=args.encoder,
        device=args.device,
        precision=args.precision,
        graph=graph,
        stages=stage_settings(args),
    )


def add_machine(parser: argparse.ArgumentParser) -> None:
    """Add `--device` and `--precision`."""
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="auto", help="of the models (default: auto)"
    )


def add_reader(parser: argparse.ArgumentParser) -> None:
    """Add `--reader`."""
    parser.add_argument(
        "--reader", metavar="PATH", help="a reader checkpoint's folder (default: the bundled one)"
    )


def add_graph(parser: argparse.ArgumentParser) -> None:
    """Add the options of asking a knowledge graph."""
    graph = parser.add_argument_group("knowledge graphs")
    graph.add_argument(
        "--hops",
        type=positive,
        default=1,
        metavar="N",
        help="how many relations away an answer may be (default 1)",
    )
    graph.add_argument(
        "--paths", type=Path, metavar="FILE", help="relations fitted by `qa train graph`"
    )
    graph.add_argument(
        "--no-match", action="store_true", help="the reader alone, without matching relations"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def positive(text: str) -> int:
    """Parse a whole number of 1 or more."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return value


def seed(text: str) -> int:
    """Parse a seed: training makes one of each step of it, and those must fit in 64 bits."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < SEEDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {SEEDS - 1}")
    return value


def depths(text: str) -> tuple[int, ...]:
    """Parse whole numbers of 1 or more with commas between them; they come out sorted."""
    return tuple(sorted({positive(part.strip()) for part in text.split(",")}))


def share(text: str) -> float:
    """Parse a probability."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def add_keep_out(parser: argparse.ArgumentParser, told: str) -> None:
    """Add --keep-out: question files of which nothing may train."""
    parser.add_argument("--keep-out", nargs="+", default=(), type=Path, metavar="FILE", help=told)
