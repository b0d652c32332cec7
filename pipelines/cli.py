"""The command `qa`. Each subcommand loads what it needs only when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from indexing.errors import InputError, QAError
from pipelines.commands import ask, calibrate, evaluate, index, pretrain, train

DESCRIPTION = "Ask questions of your own texts; answers are exact, cited spans, or none."
EXAMPLES = """\
examples:
  qa ask "Who discovered penicillin?"        ask the bundled demo corpus
  qa index build docs/ --out my-index        index your own files
  qa ask "How do I reset it?" --index my-index --json
  qa eval open questions.jsonl --index my-index

exit codes: 0 done (also when no answer is found), 2 bad usage or input, 1 anything else.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Report bad usage in the same form as every other error."""
        self.print_usage(sys.stderr)
        self.exit(2, f"qa: error: {message}\n")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command."""
    parser = _Parser(
        prog="qa",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for module in (ask, index, evaluate, train, pretrain, calibrate):
        module.register(commands)
    for sub in _leaves(parser):
        sub.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def _leaves(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    nested = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not nested:
        return [parser]
    return [leaf for action in nested for sub in action.choices.values() for leaf in _leaves(sub)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = make_parser()
    args = parser.parse_args(arguments)
    if args.version:
        from importlib.metadata import version

        print(f"spanqa {version('spanqa')}")
        return 0
    if not hasattr(args, "run"):
        parser.print_help(sys.stderr)
        return 2
    return _guarded(args)


def _guarded(args: argparse.Namespace) -> int:
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader of our output has gone, as in `qa search ... | head`. Keep Python's own
        # flush at exit from complaining.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("qa: stopped", file=sys.stderr)
        return 130
    except Exception as error:
        if args.debug:
            raise
        return _report(error)


def _report(error: Exception) -> int:
    if isinstance(error, QAError):
        print(f"qa: error: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    kind = type(error).__name__
    print(f"qa: error: {kind}: {error} (add --debug for details)", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
