"""`qa ask` and `qa search`."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from indexing.normalising import normalise
from pipelines.commands import options

if TYPE_CHECKING:
    from pipelines.ask import QuestionAnswering


def register(commands: Any) -> None:
    """Declare both subcommands."""
    ask = commands.add_parser(
        "ask",
        help="answer a question",
        description="Answer a question with spans of the corpus. Without a question: a prompt, or "
        "one question a line where standard input is no terminal.",
    )
    ask.add_argument("question", nargs="?", type=normalise, metavar="QUESTION")
    ask.add_argument("--answers", type=options.positive, default=3, metavar="N", help="(default 3)")
    ask.add_argument(
        "--top-k", type=options.positive, default=20, metavar="K", help="passages read (default 20)"
    )
    ask.add_argument(
        "--min-probability",
        type=options.share,
        metavar="P",
        help="leave out less probable answers (default: the reader's own threshold)",
    )
    options.add_index(ask)
    options.add_retrieval(ask)
    options.add_stages(ask)
    options.add_reader(ask)
    options.add_graph(ask)
    options.add_json(ask)
    ask.set_defaults(run=run_ask)
    search = commands.add_parser("search", help="show the passages that a question finds")
    search.add_argument("question", type=normalise, metavar="QUESTION")
    search.add_argument("-k", type=options.positive, default=10, help="passages (default 10)")
    options.add_index(search)
    options.add_retrieval(search)
    options.add_stages(search)
    options.add_json(search)
    search.set_defaults(run=run_search)


def run_ask(args: argparse.Namespace) -> int:
    """Answer one question, a prompt's, or one a line."""
    from pipelines.bundled import index_folder
    from pipelines.progress import open_progress

    folder = index_folder(args.index, open_progress())
    with options.load_answering(args, folder, options.graph_settings(args)) as qa:
        if args.question is not None:
            answer(qa, args.question, args)
        elif sys.stdin.isatty():
            from pipelines.interactive import converse

            converse(qa, answers=args.answers, top_k=args.top_k, least=args.min_probability)
        else:
            for line in sys.stdin.buffer:
                if question := normalise(line.decode("utf-8", errors="replace")).strip():
                    answer(qa, question, args)
    return 0


def answer(qa: QuestionAnswering, question: str, args: argparse.Namespace) -> None:
    """Answer one question on standard output."""
    result = qa.ask(
        question,
        answers=args.answers,
        top_k=args.top_k,
        min_probability=args.min_probability,
    )
    if args.json:
        print(json.dumps(result.to_json(), ensure_ascii=False), flush=True)
        return
    from pipelines.render import open_console, show_answers

    show_answers(open_console(), result)


def run_search(args: argparse.Namespace) -> int:
    """Show hits."""
    from indexing.index import Index
    from pipelines.answers import hit_json
    from pipelines.ask import open_index_retriever
    from pipelines.bundled import index_folder
    from pipelines.progress import open_progress
    from pipelines.stages import open_stages

    with Index.open(index_folder(args.index, open_progress())) as index:
        retriever = open_index_retriever(
            index, args.retriever, args.encoder, args.device, args.precision
        )
        stages = options.stage_settings(args)
        retriever = open_stages(index, retriever, stages, args.device, args.precision)
        hits = retriever.retrieve([args.question], args.k)[0]
        if args.json:
            document = {"question": args.question, "hits": [hit_json(hit) for hit in hits]}
            print(json.dumps(document, ensure_ascii=False))
        else:
            from pipelines.render import open_console, show_hits

            show_hits(open_console(), hits)
    return 0
