"""`qa index add|update|delete|compact`: changes of a ready index."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.commands import options
from pipelines.commands.index_summary import show_build, show_change

if TYPE_CHECKING:
    from encoder.protocol import TextEncoder


def register(parsers: Any) -> None:
    """Declare the subcommands."""
    for name, told in (
        ("add", "add documents to an index, searchable at once"),
        ("update", "replace documents by their ids; those that are not there are added"),
    ):
        change = parsers.add_parser(name, help=told)
        change.add_argument("sources", nargs="+", metavar="SOURCE", help="as in `qa index build`")
        options.add_index(change, required=True)
        change.add_argument("--format", metavar="NAME", help="(default: that of the build)")
        options.add_fields(change)
        change.add_argument("--strict", action="store_true", help="stop at the first bad record")
        _add_encoder(change)
        change.set_defaults(run=run_add, replacing=name == "update")
    delete = parsers.add_parser("delete", help="remove documents by their ids")
    delete.add_argument("ids", nargs="*", metavar="ID")
    options.add_index(delete, required=True)
    delete.add_argument(
        "--from", dest="listed", metavar="FILE", help="ids, one a line; - for standard input"
    )
    delete.add_argument(
        "--missing-ok", action="store_true", help="pass over ids that the index has not"
    )
    options.add_json(delete)
    delete.set_defaults(run=run_delete)
    compact = parsers.add_parser(
        "compact", help="make a changed index one segment again, as a fresh build would be"
    )
    options.add_index(compact, required=True)
    _add_encoder(compact)
    compact.set_defaults(run=run_compact)


def _add_encoder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--encoder", default="default", metavar="DIR", help="(default: bundled)")
    options.add_machine(parser)
    options.add_json(parser)


def run_add(args: argparse.Namespace) -> int:
    """Add documents, or replace them."""
    from indexing.changes import add_documents
    from pipelines.progress import open_progress

    summary = add_documents(
        args.index,
        args.sources,
        _encoder(args),
        args.format,
        open_progress(),
        fields=options.field_names(args),
        replacing=args.replacing,
        strict=args.strict,
    )
    show_change(summary, as_json=args.json)
    return 0


def run_delete(args: argparse.Namespace) -> int:
    """Remove documents."""
    from indexing.changes import delete_documents
    from indexing.errors import InputError

    ids = [*args.ids, *_listed(args.listed)]
    if not ids:
        raise InputError("Name the documents to remove, by id, or a file of ids with --from.")
    show_change(delete_documents(args.index, ids, missing_ok=args.missing_ok), as_json=args.json)
    return 0


def run_compact(args: argparse.Namespace) -> int:
    """Make a changed index one segment."""
    from indexing.compaction import compact
    from pipelines.progress import open_progress

    show_build(compact(args.index, _encoder(args), open_progress()), as_json=args.json)
    return 0


def _listed(file: str | None) -> list[str]:
    from indexing.errors import InputError

    if file is None:
        return []
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.") from error
    lines = text.removeprefix("\ufeff").splitlines()
    return [line.strip() for line in lines if line.strip()]


def _encoder(args: argparse.Namespace) -> TextEncoder | None:
    """Return the encoder where the index has vectors, which an index without does not need."""
    from indexing.manifest import read_manifest

    if read_manifest(Path(args.index)).vectors is None:
        return None
    from encoder.load import load_encoder

    return load_encoder(args.encoder, args.device, args.precision)
