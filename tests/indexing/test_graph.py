"""From triples to documents: labels, languages, sentences, their triples, large nodes."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.build import build_index
from indexing.corpus import CorpusOptions, read_documents
from indexing.errors import InputError
from indexing.graph.facts import facts_of, statements_at
from indexing.graph.labels import read_label_table
from indexing.graph.literals import render
from indexing.graph.names import entity_name, relation_name, without_inverse
from indexing.graph.phrases import phrase_for
from indexing.graph.store import TripleStore
from indexing.graph.templates import fill, load_templates
from indexing.graph.triples import XSD, GraphOptions, Triple
from indexing.graph.verbalising import Verbaliser
from indexing.index import Index
from indexing.problems import Problems
from indexing.splitting import SplitSettings, split


def told(triples, templates=None, hops=1, labels=()):
    with TripleStore() as store:
        store.add(triples)
        store.add_labels(labels)
        store.finish()
        return list(Verbaliser(store, load_templates(templates), hops).documents())


def turtle(tmp_path, text, **graph):
    file = tmp_path / "graph.ttl"
    prefixes = "@prefix : <http://e/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
    prefixes += "@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .\n"
    file.write_text(prefixes + text)
    options = CorpusOptions(graph=GraphOptions(**graph))
    found = list(read_documents([file], options, Problems()))
    return {document.title: document for document in found}


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("http://dbpedia.org/ontology/birthPlace", "birth place"),
        ("directed_by", "directed by"),
        ("/people/person/place_of_birth", "place of birth"),
        ("film.film.directed_by", "directed by"),
        ("http://e/ns#hasISBNNumber", "has ISBN number"),
        ("place of birth", "place of birth"),
        ("http://e/caf%C3%A9_name", "café name"),
    ],
)
def test_relation_names(key, name):
    assert relation_name(key) == name


def test_entity_names():
    assert entity_name("http://dbpedia.org/resource/Ada_Lovelace") == "Ada Lovelace"
    assert entity_name("Alan_PULIDO") == "Alan PULIDO"
    assert entity_name("a_b c") == "a_b c"
    assert entity_name("urn:isbn:123") == "123"
    assert entity_name("_") == "_"


@pytest.mark.parametrize(
    "inverse", ["plays_in_inverse", "~plays_in", "^plays_in", "inverse of plays_in", "plays_in^-1"]
)
def test_inverse_names(inverse):
    assert without_inverse(inverse) == ("plays_in", True)
    assert without_inverse("inverse") == ("inverse", False)
    assert without_inverse("plays_in") == ("plays_in", False)


@pytest.mark.parametrize(
    ("name", "one", "inverse_of_two"),
    [
        ("directed by", "E was directed by A.", "A and B were directed by E."),
        ("place of birth", "The place of birth of E is A.", "E is the place of birth of A and B."),
        ("has genre", "The genre of E is A.", "E is the genre of A and B."),
        ("in language", "The language of E is A.", "E is the language of A and B."),
        ("parents", "The parents of E are A.", "E is among the parents of A and B."),
        ("plays in club", "E plays in club A.", "A and B play in club E."),
        ("is aged", "E is aged A.", "A and B are aged E."),
        ("instance of", "E is an instance of A.", "A and B are instances of E."),
        ("located in", "E is located in A.", "A and B are located in E."),
        ("born in", "E was born in A.", "A and B were born in E."),
    ],
)
def test_rules_for_sentences(name, one, inverse_of_two):
    phrase = phrase_for(name)
    assert "A".join(fill(phrase.forward, "E", many=False)) == one
    assert "A and B".join(fill(phrase.inverse, "E", many=True)) == inverse_of_two


@pytest.mark.parametrize(
    ("value", "datatype", "text"),
    [
        ("1815-12-10", "date", "10 December 1815"),
        ("1815-12", "gYearMonth", "December 1815"),
        ("1815", "gYear", "1815"),
        ("-0043", "gYear", "44 BC"),
        ("1815-12-10T00:00:00Z", "dateTime", "10 December 1815"),
        ("1815-12-10T08:30:00", "dateTime", "10 December 1815 at 08:30:00"),
        ("some day", "date", "some day"),
        ("3.5", "decimal", "3.5"),
        (" two\n lines ", "string", "two lines"),
    ],
)
def test_literals(value, datatype, text):
    assert render(value, XSD + datatype) == text


def test_labels_languages_and_given_names(tmp_path):
    text = """:a rdfs:label "Wien"@de, "Vienna"@en, "Vienne"@fr ; :p :b ;
    :speech "Hallo"@de, "Hi"@en .
    :b rdfs:label "Nur"@de . :p rdfs:label "part of"@en ."""
    found = turtle(tmp_path, text)
    assert found["Vienna"].text == "Vienna is part of Nur.\nThe speech of Vienna is Hi."
    german = turtle(tmp_path, text, languages=("de", "en"))
    assert "Hallo and Hi" in german["Wien"].text or "Hi and Hallo" in german["Wien"].text
    labels = tmp_path / "labels.tsv"
    labels.write_text("http://e/a\tVindobona\n<http://e/b>\tB\n")
    assert set(turtle(tmp_path, text, labels=(str(labels),))) == {"Vindobona", "B"}
    labels.write_text("http://e/a\n")
    with pytest.raises(InputError, match=r"labels.tsv:1"):
        turtle(tmp_path, text, labels=(str(labels),))


def test_a_quote_in_a_tab_separated_file_of_labels_is_a_character(tmp_path):
    table = tmp_path / "labels.tsv"
    table.write_text('a\t"Weird Al\nb\tSecond\nc\t"Third"\n')
    assert list(read_label_table(table)) == [("a", '"Weird Al'), ("b", "Second"), ("c", '"Third"')]
    table.write_text('a,"One, two"\nb,Second\n')
    assert list(read_label_table(table)) == [("a", "One, two"), ("b", "Second")]


def test_blank_nodes_lists_and_reified_statements(tmp_path):
    text = """:a :address [ :street "Main Road" ; :town :Leeds ] ; :members ( :x :y ) .
    [] a :Person ; :likes :a .
    :s rdf:subject :a ; rdf:predicate :twin ; rdf:object :z ; :source :Atlas ."""
    found = turtle(tmp_path, text)
    lines = set(found["a"].text.split("\n"))
    assert "The address of a is street Main Road, town Leeds." in lines
    assert "The members of a are x and y." in lines
    assert "The twin of a is z." in lines
    assert "a is among the likes of unnamed Person." in lines
    assert found["statement “a, twin, z”"].text == "The source of statement “a, twin, z” is Atlas."
    assert not any(title.startswith("_:") for title in found)
    document = found["a"]
    start = document.text.index("Leeds")
    _, triples = statements_at(facts_of(document), start, start + 5)
    assert [t[1] for t in triples] == ["http://e/address", "http://e/street", "http://e/town"]
    start = document.text.index("x and y") + 6
    _, triples = statements_at(facts_of(document), start, start + 1)
    assert any(t[2] == "http://e/y" for t in triples)


def test_the_same_file_gives_the_same_documents(tmp_path):
    text = "[] :p [ :q 1 ] . [] :p [ :q 2 ] . :a :p [ :q 3 ; :r ( 1 2 ) ] ."
    assert turtle(tmp_path, text) == turtle(tmp_path, text)


def test_templates(tmp_path):
    file = tmp_path / "t.toml"
    file.write_text(
        '[directed_by]\nforward = "{others} made {entity}."\n[tag]\nskip = true\n'
        '["has rank"]\nname = "position"\n'
    )
    triples = [
        Triple("M", "http://e/directed_by", "D"),
        Triple("M", "tag", "x"),
        Triple("M", "has_rank", "1", literal=True),
    ]
    found = {d.title: d.text for d in told(triples, str(file))}
    assert found == {
        "M": "The position of M is 1.\nD made M.",
        "D": "M was directed by D.",
    }
    as_json = tmp_path / "t.json"
    as_json.write_text(json.dumps({"directed_by": {"forward": "{others} made {entity}."}}))
    assert "D made M." in {d.text for d in told(triples[:1], str(as_json))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[r]\nforward = "no place"', r"\[r\]: forward: a template has"),
        ('[r]\nforward = "{entity} {others} {others}"', "once"),
        ("[r]\nforwards = 1", "table of"),
        ("r = 1", "table of"),
        ("[r]\nforward = 1", "must be a text"),
        ("not toml", "neither TOML nor JSON"),
    ],
)
def test_bad_templates(tmp_path, text, message):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        load_templates(str(file))
    with pytest.raises(InputError, match="cannot be read"):
        load_templates(str(tmp_path / "none.toml"))


NAMES = st.text("abc XY_.é|", min_size=1, max_size=6).filter(lambda s: s.strip("_ "))
TRIPLES = st.lists(
    st.tuples(NAMES, st.sampled_from(["p", "made by", "is in", "tags"]), NAMES).map(
        lambda parts: Triple(*parts)
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(TRIPLES)
def test_every_triple_is_told_in_both_directions_where_it_stands(triples):
    seen = {True: set(), False: set()}
    for document in told(triples):
        for fact in facts_of(document):
            assert "\n" not in document.text[fact.start : fact.end]
            for mention in fact.mentions:
                assert fact.start <= mention.start < mention.end <= fact.end
                assert document.text[mention.start : mention.end] == entity_name(mention.key)
                seen[fact.forward].add(fact.statements(mention)[0])
    assert seen[True] == seen[False] == {t[:3] for t in triples}


def test_a_large_node_is_cut_with_its_name_repeated():
    found = told([Triple(f"m{i:04}", "genre", "Drama") for i in range(2500)])
    drama = [d for d in found if d.title == "Drama"]
    assert [d.id for d in drama] == ["entity:Drama", "entity:Drama#2", "entity:Drama#3"]
    told_of = [m.key for d in drama for f in facts_of(d) for m in f.mentions]
    assert told_of == [f"m{i:04}" for i in range(2500)]
    for start, end in split(drama[0], SplitSettings()):
        passage = drama[0].text[start:end]
        assert len(passage.split()) <= 100
        assert all("Drama" in line for line in passage.split("\n"))


def test_names_with_full_stops_do_not_cut_passages():
    document = told([Triple("St. X.", f"r{i}", "Dr. A. B.") for i in range(40)])[0]
    for start, end in split(document, SplitSettings("words", 30, 30)):
        assert document.text[start - 1 : start] in ("", "\n")
        assert document.text[end : end + 1] in ("", "\n")


def test_two_hop_passages_say_how_they_got_there():
    triples = [Triple("Film", "directed_by", "Ann"), Triple("Ann", "born in", "Oslo")]
    found = {d.id: d for d in told(triples, hops=2)}
    around = found["entity:Film#neighbours"]
    assert around.text == "Film was directed by Ann.\nAnn was born in Oslo."
    start = around.text.index("Oslo")
    _, path = statements_at(facts_of(around), start, start + 4)
    assert path == (("Ann", "born in", "Oslo"), ("Film", "directed_by", "Ann"))
    with pytest.raises(InputError, match="hops"):
        GraphOptions(hops=3)


def test_several_files_are_one_graph_beside_texts(tmp_path):
    (tmp_path / "a.tsv").write_text("Ada\tborn in\tLondon\n")
    (tmp_path / "b.txt").write_text("Ada wrote the first program.")
    (tmp_path / "c.tsv").write_text("Ada\tdied in\tMarylebone\nAda\tborn in\tLondon\n")
    build_index([tmp_path], tmp_path.parent / f"{tmp_path.name}-index")
    with Index.open(tmp_path.parent / f"{tmp_path.name}-index") as index:
        documents = {d.id: d.text for d in index.documents}
        assert documents["entity:Ada"] == "Ada was born in London.\nAda died in Marylebone."
        assert documents["b.txt"] == "Ada wrote the first program."
        assert index.documents.may_have_metadata("facts")
        assert not index.documents.may_have_metadata("facts of")
        passage = next(p for p in index.passages.get(range(3)) if p.document_id == "entity:Ada")
        assert re.fullmatch(r"Ada was.*\n.*Marylebone\.", passage.text)


def test_an_index_of_texts_has_no_graph_and_knows_its_documents_passages(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text("word " * (250 if name == "b" else 1))
    build_index([tmp_path], tmp_path.parent / f"{tmp_path.name}-index")
    with Index.open(tmp_path.parent / f"{tmp_path.name}-index") as index:
        assert not index.documents.may_have_metadata("facts")
        assert list(index.documents.titles()) == ["a", "b", "c"]
        assert [list(index.passages.of_document(row)) for row in range(4)] == [
            [0],
            [1, 2, 3],
            [4],
            [],
        ]
