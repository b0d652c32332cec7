from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.documents import Document, Passage
from indexing.errors import QAError
from indexing.passage_store import DOCUMENTS, DocumentStore, PassageStore
from indexing.store_writing import Part, join_parts, part_documents, write_part

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)


@st.composite
def cut_documents(draw):
    """Return documents, each with passages that may overlap, in any script."""
    found = []
    for number in range(draw(st.integers(1, 8))):
        text = draw(texts)
        points = st.integers(0, len(text))
        ranges = [tuple(sorted(draw(st.tuples(points, points)))) for _ in range(3)]
        meta = draw(st.dictionaries(texts, texts, max_size=2))
        document = Document(f"{number}-{draw(texts)}", draw(texts), text, draw(texts), meta)
        found.append((document, [(a, b) for a, b in ranges if a < b]))
    return found


def write(folder, cut, per_part):
    parts = folder / "parts"
    parts.mkdir(parents=True)
    for number, first in enumerate(range(0, len(cut), per_part)):
        part = Part()
        for document, ranges in cut[first : first + per_part]:
            part.add(document, ranges)
        write_part(part, parts, number, first)
    assert sum(part_documents(parts)) == len(cut)
    return join_parts(parts, folder)


@settings(max_examples=30, deadline=None)
@given(cut=cut_documents(), per_part=st.integers(1, 8))
def test_all_documents_and_passages_come_back(tmp_path_factory, cut, per_part):
    folder = tmp_path_factory.mktemp("store")
    expected = [(document, start, end) for document, ranges in cut for start, end in ranges]
    assert write(folder, cut, per_part) == (len(cut), len(expected))
    documents = DocumentStore(folder)
    passages = PassageStore(documents, folder)
    assert list(documents) == [document for document, _ in cut]
    for document, _ in cut:
        assert documents.get(document.id) == document
        assert documents.text_of(document.id) == document.text
        assert document.id in documents
        assert document.id + "x" not in documents
    assert len(passages) == len(expected)
    for number, (document, start, end) in enumerate(expected):
        text = document.text[start:end]
        assert passages[number] == Passage(number, document.id, document.title, text, start, end)
    assert list(passages.texts(0, len(passages))) == [
        (document.title, document.text[start:end]) for document, start, end in expected
    ]


def test_ids_whose_hashes_collide_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr("indexing.passage_store.id_hash", lambda text: 7)
    monkeypatch.setattr("indexing.store_writing.id_hash", lambda text: 7)
    cut = [(Document(name, "", name * 2), [(0, 2)]) for name in "abc"]
    write(tmp_path, cut, 2)
    documents = DocumentStore(tmp_path)
    assert [documents.text_of(name) for name in "cab"] == ["cc", "aa", "bb"]
    assert "d" not in documents
    with pytest.raises(KeyError):
        documents.get("d")


@pytest.mark.parametrize("number", [-1, 1, 10**12])
def test_passages_that_there_are_not(tmp_path, number):
    write(tmp_path, [(Document("a", "", "text"), [(0, 4)])], 1)
    passages = PassageStore(DocumentStore(tmp_path), tmp_path)
    with pytest.raises(IndexError):
        passages[number]


def test_a_cut_off_file_is_a_clear_error(tmp_path):
    write(tmp_path, [(Document("a", "", "text"), [(0, 4)])], 1)
    path = tmp_path / DOCUMENTS
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(QAError, match=DOCUMENTS):
        DocumentStore(tmp_path)
