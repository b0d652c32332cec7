"""From the user's sources to documents: finds the files, knows their formats, reads them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from indexing.compression import without_suffix
from indexing.documents import Document
from indexing.errors import InputError
from indexing.formats.columnar import read_columnar
from indexing.formats.delimited import read_delimited
from indexing.formats.docx import read_docx
from indexing.formats.html import read_html
from indexing.formats.hub import HubSource, parse_hub_source, read_hub
from indexing.formats.pdf import read_pdf
from indexing.formats.rdf import RDF_FORMATS
from indexing.formats.recognising import recognise
from indexing.formats.records import read_json, read_jsonl
from indexing.formats.source import (
    CorpusOptions,
    FieldNames,
    Located,
    SourceFile,
    ignore_bytes,
    reporting_damage,
    require,
)
from indexing.formats.squad import read_squad
from indexing.formats.textfiles import read_markdown, read_rst, read_text
from indexing.formats.wikiextractor import read_wikiextractor
from indexing.graph.documents import GRAPH_FORMATS, read_graph
from indexing.normalising import normalise
from indexing.problems import Problems
from indexing.source_files import belongs_to, corpus_size, is_hub, local_path, source_files

__all__ = ["FORMATS", "CorpusOptions", "FieldNames", "corpus_size", "read_documents"]

FileReader = Callable[[SourceFile, CorpusOptions, Problems], Iterator[Located]]

_READERS: Mapping[str, FileReader] = {
    "jsonl": read_jsonl,
    "json": read_json,
    "csv": read_delimited,
    "tsv": read_delimited,
    "parquet": read_columnar,
    "arrow": read_columnar,
    "dpr": read_delimited,  # psgs_w100.tsv: id, text, title
    "beir": read_jsonl,  # corpus.jsonl: _id, title, text, metadata
    "squad": read_squad,
    "wikiextractor": read_wikiextractor,
    "text": read_text,
    "markdown": read_markdown,
    "rst": read_rst,
    "html": read_html,
    "pdf": read_pdf,
    "docx": read_docx,
}
FORMATS = ("auto", *_READERS, *GRAPH_FORMATS)
"""The names that `CorpusOptions.format` and --format take."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """A file, the format it will be read in, and the name of the source that it belongs to."""

    file: SourceFile
    format: str
    source: str


@dataclass(frozen=True, slots=True)
class _Graph:
    """All files of triples: one graph, told where the first of them stands."""

    files: tuple[_Planned, ...]


_Part = _Planned | HubSource | _Graph


def read_documents(
    sources: Sequence[Path | str],
    options: CorpusOptions,
    problems: Problems,
    advance: Callable[[int], None] = ignore_bytes,
    folders: Sequence[str] = (),
) -> Iterator[Document]:
    """Read the documents of all sources, in an order that is always the same.

    A source is a file, a folder (read in the order of its sorted paths, hidden files left out)
    or a data set of the Hugging Face hub, `hf:NAME[:CONFIG[:SPLIT]]`. Of documents with the same
    id the first is kept. Files of triples are one graph, whose documents are its entities.
    `advance` gets numbers of bytes read, which add up to `corpus_size`. The ids of files are their
    paths in the source, or in that of the `folders` which the source lies in.

    Sources that are not there, formats that are not known and libraries that are missing are
    errors at once; no document at all is one at the end.
    """
    if options.format not in FORMATS:
        raise InputError(
            f"The format {options.format!r} is not known; choose one of {', '.join(FORMATS)}."
        )
    plan = [
        part for source in sources for part in _plan(source, options, problems, advance, folders)
    ]
    _require_libraries(plan)
    if options.format == "auto":
        _remark_on_triples(plan, problems)
    return _unique(_graph_joined(plan), options, problems, " ".join(map(str, sources)))


def _plan(
    source: Path | str,
    options: CorpusOptions,
    problems: Problems,
    advance: Callable[[int], None],
    folders: Sequence[str],
) -> Iterator[_Planned | HubSource]:
    if is_hub(source):
        yield parse_hub_source(str(source))
        return
    root, files = local_path(source), source_files(source, problems)
    if not files:
        raise InputError(f"{root} is an empty folder.")
    base, within = belongs_to(root, folders)
    for path in files:
        in_folder = path != root
        # A name may hold bytes that are no UTF-8, which an id cannot.
        name = normalise((within / path.relative_to(root)).as_posix())
        file = SourceFile(path, name, advance)
        kind: str | None = None
        with reporting_damage(file, problems):
            kind = _kind(file, options, in_folder=in_folder)
            if kind is None:
                problems.note(file.label, "file of unknown type")
        if kind is not None:
            yield _Planned(file, kind, _source_name(base))


def _source_name(base: Path) -> str:
    return normalise(PurePosixPath(without_suffix(base.name)).stem)


def _kind(file: SourceFile, options: CorpusOptions, *, in_folder: bool) -> str | None:
    """Return the format of a file, None for one that no reader knows."""
    if options.format != "auto":
        return options.format
    kind = recognise(file, in_folder=in_folder)
    # Whoever names fields means records.
    return "tsv" if kind == "triples" and options.fields != FieldNames() else kind


def _require_libraries(plan: Sequence[_Planned | HubSource]) -> None:
    """Find out before hours of reading that a library is missing."""
    for part in plan:
        if isinstance(part, HubSource):
            require("datasets", "datasets", part.label)
        elif part.format == "pdf":
            require("pypdf", "pypdf", part.file.label)
        elif part.format == "docx":
            require("docx", "python-docx", part.file.label)
        elif part.format in RDF_FORMATS:
            require("pyoxigraph", "pyoxigraph", part.file.label, extra="graph")


def _remark_on_triples(plan: Sequence[_Planned | HubSource], problems: Problems) -> None:
    """Say which tables are taken for graphs, because they look like them only."""
    found = [p for p in plan if isinstance(p, _Planned) and p.format == "triples"]
    if found:
        more = f" (and {len(found) - 1:,} more)" if len(found) > 1 else ""
        problems.remarks.append(
            normalise(found[0].file.label)
            + f"{more}: read as triples of a graph (--format csv or text reads it otherwise)"
        )


def _graph_joined(plan: Sequence[_Planned | HubSource]) -> list[_Part]:
    """Put all files of triples together, where the first of them is."""
    triples = tuple(
        part for part in plan if isinstance(part, _Planned) and part.format in GRAPH_FORMATS
    )
    joined: list[_Part] = []
    for part in plan:
        if part not in triples:
            joined.append(part)
        elif part is triples[0]:
            joined.append(_Graph(triples))
    return joined


def _unique(
    plan: Sequence[_Part], options: CorpusOptions, problems: Problems, named: str
) -> Iterator[Document]:
    """Yield the documents whose id was not there before, and demand at least one."""
    seen: set[int] = set()  # hashes: 8 bytes a document, where ids may be long
    for part in plan:
        label, prefix = _label(part), _prefix(part) if options.prefix_ids else ""
        for line, read in _read(part, options, problems):
            document = replace(read, id=prefix + read.id) if prefix else read
            known = len(seen)
            seen.add(hash(document.id))
            if len(seen) == known:
                problems.report(label, line, "duplicate id", document.id)
            else:
                yield document
    if not seen:
        why = f"; the first problem: {problems.kept[0]}" if problems.kept else ""
        raise InputError(f"There are no documents in {named}{why}.")


def _prefix(part: _Part) -> str:
    """Return what stands before the ids of a source whose ids are prefixed."""
    if isinstance(part, _Graph):
        return ""
    return f"{part.dataset if isinstance(part, HubSource) else part.source}/"


def _label(part: _Part) -> str:
    if isinstance(part, HubSource):
        return part.label
    return part.files[0].file.label if isinstance(part, _Graph) else part.file.label


def _read(part: _Part, options: CorpusOptions, problems: Problems) -> Iterator[Located]:
    if isinstance(part, HubSource):
        return read_hub(part, options, problems)
    if isinstance(part, _Graph):
        files = [(planned.file, planned.format) for planned in part.files]
        return ((None, document) for document in read_graph(files, options.graph, problems))
    return _READERS[part.format](part.file, options, problems)
