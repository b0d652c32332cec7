"""From the files of a graph to documents: all files are one graph, read first, then told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from indexing.documents import Document
from indexing.errors import InputError
from indexing.formats.rdf import RDF_FORMATS, read_rdf
from indexing.formats.source import SourceFile
from indexing.formats.triple_lines import read_triple_lines
from indexing.formats.wikidata import read_wikidata
from indexing.graph.labels import GIVEN, label_rank, read_label_table
from indexing.graph.literals import render
from indexing.graph.names import without_inverse
from indexing.graph.store import TripleStore
from indexing.graph.templates import load_templates
from indexing.graph.triples import GraphOptions, Triple, language_rank
from indexing.graph.verbalising import Verbaliser
from indexing.problems import Problems

TripleReader = Callable[[SourceFile, str, Problems], Iterator[Triple]]

GRAPH_FORMATS: Mapping[str, TripleReader] = {
    **dict.fromkeys(RDF_FORMATS, read_rdf),
    "triples": read_triple_lines,
    "wikidata": read_wikidata,
}
"""The formats of graphs, with what reads their triples."""

_CHUNK = 20_000


def read_graph(
    files: Sequence[tuple[SourceFile, str]], options: GraphOptions, problems: Problems
) -> Iterator[Document]:
    """Read the triples of all files (each with its format) and yield a document an entity.

    Nothing is yielded before all is read: what is said of an entity may stand anywhere.
    """
    templates = load_templates(options.templates)
    for name in options.labels:
        if not Path(name).is_file():
            raise InputError(f"The file of labels {name} does not exist.")
    with TripleStore() as store:
        for name in options.labels:
            _add_label_file(store, Path(name), options, problems)
        for file, kind in files:
            triples = GRAPH_FORMATS[kind](file, kind, problems)
            while chunk := list(islice(triples, _CHUNK)):
                _add(store, chunk, file, options, problems)
        store.finish()
        yield from Verbaliser(store, templates, options.hops).documents()


def _add(
    store: TripleStore,
    chunk: Sequence[Triple],
    file: SourceFile,
    options: GraphOptions,
    problems: Problems,
) -> None:
    """Put triples and labels in the store; leave out literals in languages not asked for."""
    labels: list[tuple[str, int, str]] = []
    kept: list[Triple] = []
    for triple in chunk:
        rank = label_rank(triple, options.languages)
        if rank is not None:
            if label := render(triple.object, ""):
                labels.append((triple.subject, rank, label))
        elif triple.literal and language_rank(triple.language, options.languages) is None:
            problems.note(file.label, "literal in another language", triple.language)
        else:
            kept.append(_forwards(triple))
    store.add_labels(labels)
    store.add(kept)


def _forwards(triple: Triple) -> Triple:
    """Turn a triple of an inverse relation around; the verbaliser tells both directions."""
    relation, inverse = without_inverse(triple.relation)
    if inverse and not triple.literal:
        return Triple(triple.object, relation, triple.subject)
    return triple


def _add_label_file(
    store: TripleStore, path: Path, options: GraphOptions, problems: Problems
) -> None:
    """Take labels from a table of keys and labels, or from the label triples of RDF."""
    from indexing.formats.recognising import recognise

    file = SourceFile(path, path.name)
    kind = recognise(file, in_folder=False)
    if kind is not None and kind in GRAPH_FORMATS and kind != "triples":
        labels = (
            (triple.subject, rank, render(triple.object, ""))
            for triple in GRAPH_FORMATS[kind](file, kind, problems)
            if (rank := label_rank(triple, options.languages)) is not None
        )
        # Before any label of the graph itself, and the better the lower still.
        store.add_labels((node, rank - 10_000, label) for node, rank, label in labels if label)
    else:
        store.add_labels((key, GIVEN, render(text, "")) for key, text in read_label_table(path))
