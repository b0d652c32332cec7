"""Options of `qa index` that say how BM25 counts words and how FAISS keeps vectors."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexing.lexical import LexicalSettings
    from indexing.vectors_kinds import VectorSettings

NO_VECTORS = "none"
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


def add_lexical(parser: argparse.ArgumentParser) -> None:
    """Add BM25's options; what is left out has the default of `LexicalSettings`."""
    group = parser.add_argument_group("BM25")
    group.add_argument("--k1", type=float, metavar="X", help="weight of repeated words")
    group.add_argument("--b", type=float, metavar="X", help="how much long passages lose, 0 to 1")
    group.add_argument(
        "--title-weight",
        type=_times,
        metavar="N",
        help="how often a passage's title counts (0: not at all)",
    )
    group.add_argument(
        "--stemmer", metavar="LANGUAGE", help="Snowball's stemmer for a language, or none"
    )
    group.add_argument("--stop-words", choices=("english", "none"), help="words that do not count")


def lexical_settings(args: argparse.Namespace) -> LexicalSettings:
    """Return BM25's settings as chosen."""
    from dataclasses import replace

    from indexing.lexical import LexicalSettings

    chosen = LexicalSettings()
    words = chosen.words
    if args.stemmer is not None:
        words = replace(words, stemmer=None if args.stemmer == "none" else args.stemmer)
    if args.stop_words is not None:
        words = replace(words, stop_words=args.stop_words == "english")
    given = {"k1": args.k1, "b": args.b, "titles": args.title_weight}
    numbers = {name: value for name, value in given.items() if value is not None}
    return replace(chosen, words=words, **numbers)


def add_vectors(parser: argparse.ArgumentParser, *, none: bool) -> None:
    """Add the options for vectors; `none` tells whether there may be none."""
    group = parser.add_argument_group("vectors")
    group.add_argument(
        "--vectors",
        default="auto",
        metavar="KIND",
        help="auto (by the number of passages), exact, int8, hnsw, ivf, "
        f"any FAISS factory string{', or none (BM25 only)' if none else ''} (default: auto)",
    )
    group.add_argument(
        "--vector-recall",
        type=float,
        metavar="SHARE",
        help="of an exact search's best 100 that an approximate one must find (default: 0.98)",
    )
    group.add_argument(
        "--vector-memory",
        type=_bytes,
        metavar="SIZE",
        help="what vectors may take in memory, such as 500M or 2G, with --vectors auto",
    )


def vector_settings(args: argparse.Namespace) -> VectorSettings:
    """Return the settings of vectors as chosen."""
    from indexing.vectors_kinds import VectorSettings

    if args.vector_recall is None:
        return VectorSettings(args.vectors, memory=args.vector_memory)
    return VectorSettings(args.vectors, args.vector_recall, args.vector_memory)


def _times(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def _bytes(text: str) -> int:
    number = text.upper().removesuffix("B")
    unit = number[-1:] if number[-1:] in ("K", "M", "G") else ""
    try:
        value = int(float(number.removesuffix(unit)) * _UNITS[unit])
    except (ValueError, OverflowError):
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 500M or 2G")
    return value
