"""Every format of graphs gives the triples that are in it, and says what it could not read."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma

import pytest

from indexing.corpus import CorpusOptions, FieldNames, read_documents
from indexing.errors import InputError
from indexing.formats.recognising import recognise
from indexing.formats.source import SourceFile
from indexing.graph.facts import facts_of
from indexing.graph.triples import GraphOptions
from indexing.problems import Problems

NT = b"""<http://e/Ada> <http://e/birthPlace> <http://e/London> .
<http://e/Ada> <http://e/birthDate> "1815-12-10"^^<http://www.w3.org/2001/XMLSchema#date> .
<http://e/Ada> <http://www.w3.org/2000/01/rdf-schema#label> "Ada Lovelace"@en .
"""
NQ = NT.replace(b" .\n", b" <http://e/graph> .\n")
TTL = b"""@prefix : <http://e/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Ada :birthPlace :London ; rdfs:label "Ada Lovelace"@en ;
  :birthDate "1815-12-10"^^<http://www.w3.org/2001/XMLSchema#date> .
"""
XML = b"""<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/"
  xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"><rdf:Description rdf:about="http://e/Ada">
<rdfs:label xml:lang="en">Ada Lovelace</rdfs:label><e:birthPlace rdf:resource="http://e/London"/>
<e:birthDate rdf:datatype="http://www.w3.org/2001/XMLSchema#date">1815-12-10</e:birthDate>
</rdf:Description></rdf:RDF>
"""
JSON_LD = b"""{"@context": {"e": "http://e/", "xsd": "http://www.w3.org/2001/XMLSchema#",
  "label": {"@id": "http://www.w3.org/2000/01/rdf-schema#label", "@language": "en"}},
 "@id": "e:Ada", "label": "Ada Lovelace", "e:birthPlace": {"@id": "e:London"},
 "e:birthDate": {"@value": "1815-12-10", "@type": "xsd:date"}}
"""
RDF = {"a.nt": NT, "a.nq": NQ, "a.ttl": TTL, "a.rdf": XML, "a.jsonld": JSON_LD, "a.json": JSON_LD}
BARE = {"nt": NT, "nq": NQ, "ttl": TTL, "rdf": XML, "jsonld": JSON_LD}


def read(tmp_path, name, data, problems=None, options=None, **graph):
    path = tmp_path / name
    path.write_bytes(data)
    chosen = options or CorpusOptions(graph=GraphOptions(**graph))
    return list(read_documents([path], chosen, problems or Problems(strict=True)))


def statements(documents):
    """All triples that the documents tell."""
    return {
        statement
        for document in documents
        for fact in facts_of(document)
        for mention in fact.mentions
        for statement in fact.statements(mention)
    }


@pytest.mark.parametrize("name", RDF)
def test_every_spelling_of_rdf_tells_the_same(tmp_path, name):
    found = {d.id: d for d in read(tmp_path, name, RDF[name])}
    assert set(found) == {"http://e/Ada", "http://e/London"}
    ada = found["http://e/Ada"]
    assert ada.title == "Ada Lovelace"
    assert ada.url == "http://e/Ada"
    assert ada.text == (
        "The birth date of Ada Lovelace is 10 December 1815.\n"
        "The birth place of Ada Lovelace is London."
    )
    assert found["http://e/London"].text == "London is the birth place of Ada Lovelace."
    assert statements(found.values()) == {
        ("http://e/Ada", "http://e/birthPlace", "http://e/London"),
        ("http://e/Ada", "http://e/birthDate", "1815-12-10"),
    }


@pytest.mark.parametrize("kind", BARE)
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, bytes])
def test_content_tells_the_format_of_compressed_files_without_a_suffix(tmp_path, kind, pack):
    assert len(read(tmp_path, "graph", pack(BARE[kind]))) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tsv", "Ada\tborn_in\tLondon\n"),
        ("a.csv", "subject,predicate,object\nAda,born_in,London\n"),
        ("a.csv", '"Ada",born_in,"London"\n'),
        ("a.txt", "head,Rel,tail\nAda,born_in,London\n"),
        ("a.txt", "from\ttype\tto\nAda\tborn_in\tLondon\n"),
        ("kb.txt", "Ada|born_in|London\n"),
        ("kb", "Ada\tborn_in\tLondon\n"),
        ("a.tsv", "London\tborn_in_inverse\tAda\nAda\tborn_in\tLondon\n"),
    ],
)
def test_lines_of_three_names(tmp_path, name, text):
    found = read(tmp_path, name, text.encode())
    assert [(d.id, d.text) for d in found] == [
        ("entity:Ada", "Ada was born in London."),
        ("entity:London", "Ada was born in London."),
    ]
    assert statements(found) == {("Ada", "born_in", "London")}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("psgs_w100.tsv", "id\ttext\ttitle\n1\tAda was born\tAda\n"),
        ("a.csv", "id,title,abstract\n1,Ada,She was born.\n"),
        ("a.txt", "One, two, three.\nFour, five, six.\n"),
        ("a.csv", "name,note,more\n" + "".join(f"n{i},x{i},y{i}\n" for i in range(20))),
        ("a.csv", "source,title,text\nblog,Ada,Ada wrote the first program.\n"),
        ("a.csv", "from,subject,body\nann@x.org,Refund,How do I get my money back?\n"),
        ("a.csv", "source,target,note\na,b,c\n"),
        ("a.csv", "Question,Answer,Category\nHow do I pay?,By card.,billing\n"),
        ("a.tsv", "question\tanswer\tcategory\nHow do I pay?\tBy card.\tbilling\n"),
        ("a.csv", "question,category,answer\n" + "".join(f"q{i},pay,a{i}\n" for i in range(200))),
        ("a.csv", "name,home_page,city\nAda,http://a.b/c,Paris\nBob,http://a.b/d,Rome\n"),
        ("a.txt", "name\tphone\temail\nBob\t123\tb@x.org\n"),
        ("a.txt", "1 May | Oslo | rain\n2 May | Paris | sun\n"),
    ],
)
def test_records_and_texts_are_no_triples(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    assert recognise(SourceFile(path, name), in_folder=False) != "triples"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("kb.txt", "Kismet|directed_by|William Dieterle\nKismet|has_genre|Drama\n"),
        ("kb.txt", "Kismet|director|William Dieterle\nTop Hat|director|Mark Sandrich\n"),
        ("a.csv", "Ada,birthPlace,London\nBob,/people/died_in,Leeds\n"),
        ("a.csv", "Ada,knows,Bob\nBob,likes,Eve\nEve,knows,Ada\n"),
        ("a.tsv", "Ada\tknows\tBob\nBob\tlikes\tEve\n"),
        ("a.tsv", "Q1\tfriend\tQ2\nQ2\tenemy\tQ3\n"),
    ],
)
def test_triples_without_a_header(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    assert recognise(SourceFile(path, name), in_folder=False) == "triples"


def test_what_is_taken_for_triples_is_told(tmp_path):
    for name in ("a.tsv", "b.csv"):
        (tmp_path / name).write_text("subject,relation,object\nAda,born_in,London\n")
    problems = Problems(strict=True)
    list(read_documents([tmp_path], CorpusOptions(), problems))
    (remark,) = problems.remarks
    assert remark.startswith(f"{tmp_path / 'a.tsv'} (and 1 more): read as triples")
    chosen = Problems()
    list(read_documents([tmp_path], CorpusOptions(format="triples"), chosen))
    assert not chosen.remarks


def test_records_of_three_fields_may_be_triples(tmp_path):
    with pytest.raises(InputError, match="choose with --text-field, or --format triples"):
        read(tmp_path, "a.csv", b"Ada,knows,Bob\nBob,likes,Eve\n", Problems())
    options = CorpusOptions(format="triples")
    assert len(read(tmp_path, "a.csv", b"Ada,knows,Bob\n", options=options)) == 2


def test_whoever_names_fields_means_records(tmp_path):
    text = "".join(f"{i}\tsame\tA text about {i}.\n" for i in range(20))
    options = CorpusOptions(fields=FieldNames(text="what"))
    found = read(tmp_path, "a.tsv", f"name\tkind\twhat\n{text}".encode(), options=options)
    assert found[0].text == "A text about 0."


def test_format_overrides(tmp_path):
    options = CorpusOptions(format="turtle")
    assert len(read(tmp_path, "graph.txt", TTL, options=options)) == 2


@pytest.mark.parametrize(
    ("name", "good", "bad", "line"),
    [
        ("a.nt", NT, b"broken line\n", 4),
        ("a.nq", NQ, b"<http://e/x> <b> .\n", 4),
        ("a.ttl", TTL, b":x :y ;;; oops .\n", 4),
        ("a.tsv", b"Ada\tborn_in\tLondon\n" * 10, b"two\tfields\n", 11),
        ("a.tsv", b"Ada\tborn_in\tLondon\n" * 10, b"Ada\t\tLondon\n", 11),
        ("a.tsv", b"Ada\tborn_in\tLondon\n" * 10, b"Ada\tborn_in\tK\xf6ln\n", 11),
    ],
)
def test_malformed_lines_are_counted_with_their_line(tmp_path, name, good, bad, line):
    problems = Problems()
    after = good.replace(b"Ada", b"Bob") if name != "a.ttl" else b":Bob :birthPlace :London .\n"
    found = read(tmp_path, name, good + bad + after, problems)
    assert problems.total == 1
    assert str(problems.kept[0]).startswith(f"{tmp_path / name}:{line}: ")
    assert any("Bob" in document.id for document in found)
    with pytest.raises(InputError, match=f"{name}:{line}"):
        read(tmp_path, name, good + bad + after)


def test_a_cut_archive_keeps_what_came_before(tmp_path):
    lines = b"".join(b"<http://e/%d> <http://e/p> <http://e/o%d> .\n" % (i, i) for i in range(9999))
    problems = Problems()
    found = read(tmp_path, "a.nt.gz", gzip.compress(lines)[:-2000], problems)
    assert 1000 < len(found) < 2 * 9999
    assert "damaged archive" in problems.counts


def wikidata(**claims):
    return {
        "type": "item",
        "id": "Q7259",
        "labels": {
            "de": {"language": "de", "value": "Ada, Gräfin"},
            "en": {"language": "en", "value": "Ada Lovelace"},
        },
        "descriptions": {"en": {"language": "en", "value": "English mathematician"}},
        "aliases": {"en": [{"language": "en", "value": "Ada Byron"}]},
        "claims": claims,
    }


def claim(kind, value, rank="normal", datatype="x"):
    snak = {"snaktype": "value", "datatype": datatype, "datavalue": {"type": kind, "value": value}}
    return {"mainsnak": snak, "rank": rank}


def prop(number, label):
    return {
        "type": "property",
        "id": number,
        "labels": {"en": {"language": "en", "value": label}},
        "claims": {},
    }


ENTITIES = [
    wikidata(
        P569=[claim("time", {"time": "+1815-12-10T00:00:00Z", "precision": 11})],
        P570=[
            claim("time", {"time": "+1852-00-00T00:00:00Z", "precision": 9}),
            claim("time", {"time": "+1900-00-00T00:00:00Z", "precision": 9}, "deprecated"),
        ],
        P19=[claim("wikibase-entityid", {"id": "Q84"})],
        P2048=[
            claim("quantity", {"amount": "+1.6", "unit": "http://www.wikidata.org/entity/Q11573"})
        ],
        P214=[claim("string", "12345", datatype="external-id")],
        P22=[{"mainsnak": {"snaktype": "somevalue", "datatype": "x"}, "rank": "normal"}],
    ),
    prop("P569", "date of birth"),
    prop("P570", "date of death"),
    prop("P19", "place of birth"),
    prop("P2048", "height"),
    {"type": "item", "id": "Q11573", "labels": {"en": {"language": "en", "value": "metre"}}},
    {"type": "item", "id": "Q84", "labels": {"en": {"language": "en", "value": "London"}}},
]


@pytest.mark.parametrize(
    "data",
    [
        "[\n" + ",\n".join(map(json.dumps, ENTITIES)) + "\n]\n",
        "\n".join(map(json.dumps, ENTITIES)) + "\n",
        json.dumps({"entities": {e["id"]: e for e in ENTITIES}}),
        json.dumps({"entities": {e["id"]: e for e in ENTITIES}}, indent=1),
    ],
)
def test_wikidata(tmp_path, data):
    found = {d.title: d for d in read(tmp_path, "dump.json", data.encode(), Problems())}
    assert set(found["Ada Lovelace"].text.split("\n")) == {
        "The date of birth of Ada Lovelace is 10 December 1815.",
        "The date of death of Ada Lovelace is 1852.",
        "The place of birth of Ada Lovelace is London.",
        "The height of Ada Lovelace is 1.6 metre.",
        "The description of Ada Lovelace is English mathematician.",
        "Ada Lovelace is also known as Ada Byron.",
    }
    assert found["London"].url == "http://www.wikidata.org/entity/Q84"


def test_wikidata_that_is_none_is_reported(tmp_path):
    data = "\n".join([json.dumps(ENTITIES[0]), '{"id": 5, "labels": 5}', "{broken", ""])
    problems = Problems()
    read(tmp_path, "a.jsonl", data.encode(), problems, CorpusOptions(format="wikidata"))
    assert problems.counts["not a Wikidata entity"] == 1
    assert problems.counts["malformed JSON"] == 1
