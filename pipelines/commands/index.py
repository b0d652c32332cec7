"""`qa index build|add-vectors|add|update|delete|compact|info|verify`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.commands import index_changes, index_settings, options
from pipelines.commands.index_summary import show_build

if TYPE_CHECKING:
    pass

# `indexing.corpus.FORMATS` and `indexing.splitting.METHODS`, written out: importing them would
# cost every `qa --help` a tenth of a second. A test holds them equal.
FORMATS = (
    "auto",
    "jsonl",
    "json",
    "csv",
    "tsv",
    "parquet",
    "arrow",
    "dpr",
    "beir",
    "squad",
    "wikiextractor",
    "text",
    "markdown",
    "rst",
    "html",
    "pdf",
    "docx",
    "ntriples",
    "nquads",
    "turtle",
    "trig",
    "rdfxml",
    "jsonld",
    "triples",
    "wikidata",
)
SPLITS = ("words", "sentences", "headings")


def register(commands: Any) -> None:
    """Declare `qa index` and its subcommands."""
    group = commands.add_parser("index", help="build and look after indexes")
    parsers = group.add_subparsers(dest="action", metavar="ACTION", required=True)
    _register_build(parsers)
    vectors = parsers.add_parser("add-vectors", help="make an index's vectors, or make them anew")
    options.add_index(vectors, required=True)
    vectors.add_argument("--encoder", default="default", metavar="DIR")
    index_settings.add_vectors(vectors, none=False)
    options.add_machine(vectors)
    options.add_json(vectors)
    vectors.set_defaults(run=run_add_vectors)
    index_changes.register(parsers)
    info = parsers.add_parser("info", help="tell what an index holds and how it was built")
    options.add_index(info)
    options.add_json(info)
    info.set_defaults(run=run_info)
    verify = parsers.add_parser("verify", help="check every file of an index")
    options.add_index(verify)
    options.add_json(verify)
    verify.set_defaults(run=run_verify)


def _register_build(parsers: Any) -> None:
    build = parsers.add_parser(
        "build",
        help="build an index from files, folders or data sets",
        description="Build an index. A source is a file, a folder, or hf:NAME[:CONFIG[:SPLIT]] "
        "for a data set of the Hugging Face hub; files may be compressed.",
    )
    build.add_argument("sources", nargs="+", metavar="SOURCE")
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help="the index")
    build.add_argument("--format", choices=FORMATS, default="auto", metavar="NAME", help="of files")
    options.add_fields(build)
    build.add_argument("--split", choices=SPLITS, default="words", help="(default: words)")
    build.add_argument("--words", type=options.positive, default=100, help="in a passage (100)")
    build.add_argument(
        "--stride", type=options.positive, help="words between passages' starts (default: --words)"
    )
    build.add_argument("--no-vectors", action="store_true", help="the same as --vectors none")
    graph = build.add_argument_group("knowledge graphs")
    graph.add_argument(
        "--languages",
        default="en",
        metavar="CODES",
        help="of labels and texts, best first, as in en,de; or all (default: en)",
    )
    graph.add_argument(
        "--labels",
        action="append",
        default=[],
        metavar="FILE",
        help="names for keys: key, tab, name",
    )
    graph.add_argument(
        "--templates", metavar="FILE", help="sentences for relations, as TOML or JSON"
    )
    graph.add_argument(
        "--graph-hops", type=int, choices=(1, 2), default=1, help="2: passages of neighbours too"
    )
    build.add_argument(
        "--prefix-ids",
        action="store_true",
        help="put each source's name before its ids (wiki/12): for sources that count alike",
    )
    build.add_argument("--encoder", default="default", metavar="DIR", help="(default: bundled)")
    build.add_argument("--resume", action="store_true", help="go on with a build that was cut off")
    build.add_argument("--strict", action="store_true", help="stop at the first bad record")
    index_settings.add_lexical(build)
    index_settings.add_vectors(build, none=True)
    options.add_machine(build)
    options.add_json(build)
    build.set_defaults(run=run_build)


def run_build(args: argparse.Namespace) -> int:
    """Build an index and print its summary."""
    from indexing.build import BuildSettings, build_index
    from indexing.corpus import CorpusOptions
    from indexing.graph.triples import GraphOptions
    from indexing.splitting import SplitSettings
    from pipelines.progress import open_progress

    graph = GraphOptions(
        () if args.languages == "all" else tuple(args.languages.split(",")),
        tuple(args.labels),
        args.templates,
        args.graph_hops,
    )
    settings = BuildSettings(
        corpus=CorpusOptions(args.format, options.field_names(args), graph, args.prefix_ids),
        splitting=SplitSettings(args.split, args.words, args.stride or args.words),
        lexical=index_settings.lexical_settings(args),
        vectors=index_settings.vector_settings(args),
    )
    encoder = None
    if not args.no_vectors and args.vectors != index_settings.NO_VECTORS:
        from encoder.load import load_encoder

        encoder = load_encoder(args.encoder, args.device, args.precision)
    summary = build_index(
        args.sources,
        args.out,
        settings,
        encoder,
        open_progress(),
        resume=args.resume,
        strict=args.strict,
    )
    show_build(summary, as_json=args.json)
    return 0


def run_add_vectors(args: argparse.Namespace) -> int:
    """Make an index's vectors."""
    from encoder.load import load_encoder
    from indexing.build import add_vectors
    from pipelines.progress import open_progress

    encoder = load_encoder(args.encoder, args.device, args.precision)
    settings = index_settings.vector_settings(args)
    show_build(add_vectors(args.index, encoder, open_progress(), settings), as_json=args.json)
    return 0


def run_info(args: argparse.Namespace) -> int:
    """Print the manifest."""
    from indexing.manifest import read_manifest
    from pipelines.bundled import index_folder
    from pipelines.render import size

    folder = index_folder(args.index)
    manifest = read_manifest(folder)
    if args.json:
        print(json.dumps(asdict(manifest)))
        return 0
    total = sum(record.bytes for record in manifest.files.values())
    print(f"{folder}: {manifest.documents:,} documents, {manifest.passages:,} passages")
    if manifest.changed:
        print(f"changed since its build: {1 + len(manifest.added)} segments")
    print(f"built {manifest.created} by spanqa {manifest.spanqa}, format {manifest.format}")
    for name, value in manifest.settings.items():
        print(f"{name}: {json.dumps(value, ensure_ascii=False)}")
    record = manifest.vectors
    if record is None:
        print("vectors: none")
    else:
        print(f"vectors: {record.dimension} x {record.factory} by encoder {record.encoder!r}")
        if record.search:
            found = f"finds {100 * record.search['recall']:.1f} % of an exact search's best 100"
            print(f"search: {record.search['parameters']} {found}")
    print(f"{size(total)} in {len(manifest.files)} files")
    return 0


def run_verify(args: argparse.Namespace) -> int:
    """Check an index; exit code 1 if anything is wrong."""
    from indexing.verify import verify
    from pipelines.bundled import index_folder
    from pipelines.render import size

    report = verify(index_folder(args.index))
    if args.json:
        document = asdict(report) | {"path": str(report.path), "ok": report.ok}
        print(json.dumps(document, ensure_ascii=False))
    elif report.ok:
        print(f"{report.path}: {report.files} files, {size(report.bytes)}, all right")
    else:
        for problem in report.problems:
            print(problem)
    return 0 if report.ok else 1
