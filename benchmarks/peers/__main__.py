"""SpanQA beside its peers in one run: same passages, questions, weights and machine.

    python -m benchmarks.peers CORPUS QUESTIONS --passages 5000 --questions 100 --out DIR
    python -m benchmarks.peers --reading SQUAD_FILE --limit 500 --out DIR

The first form compares whole systems; the second, readers alone. Each peer lives in a virtual
environment of its own, made on first use. DIR gets the table (table.md), the numbers
(results.json) and everything that the systems said (raw/). With --vectors-from, all systems get the
vectors that an index has, since encoding takes hours where passages are many; the times of building
are then those of indexing alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.peers.compare import Comparison, compare_open, compare_readers
from benchmarks.peers.systems import SYSTEMS, chosen
from encoder import cpu


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("questions", type=Path, nargs="?")
    parser.add_argument("--reading", type=Path, metavar="SQUAD_FILE")
    parser.add_argument("--passages", type=int, help="index so many (default: all)")
    parser.add_argument("--questions", dest="count", type=int, metavar="N", help="ask so many")
    parser.add_argument("--limit", type=int, default=500, help="pairs to read (default: 500)")
    parser.add_argument("--top-k", type=int, default=20, help="passages read for a question")
    parser.add_argument("--cold", type=int, default=5, help="cold starts of each system")
    parser.add_argument("--threads", type=int, default=cpu.threads())
    parser.add_argument("--peers", nargs="+", choices=[s.name for s in SYSTEMS], metavar="NAME")
    parser.add_argument("--vectors-from", type=Path, metavar="INDEX", help="lends its vectors")
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/spanqa/peers").expanduser())
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    if args.reading is None and args.questions is None:
        parser.error("give a corpus and questions, or --reading SQUAD_FILE")
    args.cache.mkdir(parents=True, exist_ok=True)
    comparison = Comparison(
        chosen(args.peers),
        args.cache,
        args.out,
        args.threads,
        args.top_k,
        args.cold,
        args.vectors_from,
    )
    if args.reading is not None:
        compare_readers(comparison, args.reading, args.limit)
    else:
        compare_open(comparison, args.corpus, args.questions, args.passages, args.count, args.limit)


if __name__ == "__main__":
    main()
