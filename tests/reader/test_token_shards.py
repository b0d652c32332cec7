"""Tokenised corpora: what is stored, how a stopped run goes on, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from indexing.corpus import CorpusOptions, FieldNames
from indexing.errors import InputError
from indexing.problems import Problems
from reader.features import ReaderTokenizer
from reader.pretraining import shards
from reader.pretraining.shards import open_tokens, read_manifest, write_tokens
from reader.pretraining.vocabulary import Vocabulary
from tests.stopping import stopped_after

TEXTS = [f"paris is the capital of france {i} and berlin is not" for i in range(1200)]


@pytest.fixture
def corpus(tmp_path):
    file = tmp_path / "corpus.jsonl"
    lines = [json.dumps({"id": str(i), "text": text}) for i, text in enumerate(TEXTS)]
    file.write_text("\n".join([*lines, json.dumps({"id": "short", "text": "paris"})]))
    return str(file)


def write(corpus, base, out, shard=2**26):
    return write_tokens([corpus], base, out, CorpusOptions(), Problems(), shard=shard)


def test_documents_come_back_as_the_tokenizer_s_pieces(corpus, tiny_bert, tmp_path):
    manifest = write(corpus, tiny_bert, tmp_path / "tokens", shard=5000)
    assert len(manifest.shards) > 1
    tokens = open_tokens(tmp_path / "tokens", Vocabulary.from_folder(tiny_bert))
    found = [
        document.tolist()
        for ids, ends in zip(tokens.ids, tokens.ends, strict=True)
        for document in np.split(ids, ends[:-1])
    ]
    wanted = ReaderTokenizer.from_folder(tiny_bert).passages(TEXTS)
    assert found == [pieces.ids.tolist() for pieces in wanted]  # the short document is left out
    assert tokens.pieces == sum(map(len, wanted))


def test_a_stopped_run_goes_on_to_the_same_files(corpus, tiny_bert, tmp_path):
    write(corpus, tiny_bert, tmp_path / "whole", shard=5000)
    with stopped_after(1, shards, "_write_shard"):
        write(corpus, tiny_bert, tmp_path / "parts", shard=5000)
    vocabulary = Vocabulary.from_folder(tiny_bert)
    with pytest.raises(InputError, match="stopped"):
        open_tokens(tmp_path / "parts", vocabulary)
    assert write(corpus, tiny_bert, tmp_path / "parts", shard=5000) == read_manifest(
        tmp_path / "whole"
    )
    for file in (tmp_path / "whole").iterdir():
        assert (tmp_path / "parts" / file.name).read_bytes() == file.read_bytes()


def test_other_tokens_and_damage_are_refused(corpus, tiny_bert, tmp_path):
    out = tmp_path / "tokens"
    write(corpus, tiny_bert, out)
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps({"id": "x", "text": TEXTS[0]}))
    with pytest.raises(InputError, match="another corpus"):
        write(str(other), tiny_bert, out)
    (out / "ids-00000.npy").write_bytes(b"nothing")
    with pytest.raises(InputError, match="00000"):
        open_tokens(out, Vocabulary.from_folder(tiny_bert))
    with pytest.raises(InputError, match="not a folder of tokens"):
        open_tokens(tmp_path, Vocabulary.from_folder(tiny_bert))


def test_a_corpus_without_text_is_refused(tiny_bert, tmp_path):
    file = tmp_path / "corpus.jsonl"
    file.write_text(json.dumps({"id": "x", "text": "paris"}))
    with pytest.raises(InputError, match="8 pieces"):
        write(str(file), tiny_bert, tmp_path / "tokens")


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("folder", [True, False])
def test_tokens_of_a_corpus_that_changed_are_refused(corpus, tiny_bert, tmp_path, whole, folder):
    out = tmp_path / "docs" / "tokens"  # what is written into the source is no change of it
    file = tmp_path / "docs" / "corpus.jsonl"
    file.parent.mkdir()
    file.write_bytes(Path(corpus).read_bytes())
    source = str(file.parent if folder else file)
    if whole:
        write(source, tiny_bert, out)
    else:
        with stopped_after(1, shards, "_write_shard"):
            write(source, tiny_bert, out, shard=5000)
    before = (out / "tokens.json").read_bytes()
    file.write_text(json.dumps({"id": "x", "text": TEXTS[0]}))
    kind = "folder" if folder else "file"
    with pytest.raises(InputError, match=rf"{source}: not the {kind} with which.*--tokens"):
        write(source, tiny_bert, out)
    assert (out / "tokens.json").read_bytes() == before
    file.write_bytes(Path(corpus).read_bytes())
    assert write(source, tiny_bert, out, shard=5000).whole


def test_tokens_are_used_where_the_corpus_is_not(corpus, tiny_bert, tmp_path):
    made = write(corpus, tiny_bert, tmp_path / "tokens")
    Path(corpus).unlink()
    assert write(corpus, tiny_bert, tmp_path / "tokens") == made


def test_other_fields_and_tokens_that_tell_nothing_are_refused(corpus, tiny_bert, tmp_path):
    out = tmp_path / "tokens"
    write(corpus, tiny_bert, out)
    options = CorpusOptions(fields=FieldNames(text="body"))
    with pytest.raises(InputError, match="other settings"):
        write_tokens([corpus], tiny_bert, out, options, Problems())
    manifest = json.loads((out / "tokens.json").read_text())
    (out / "tokens.json").write_text(json.dumps(manifest | {"plan": None}))
    with pytest.raises(InputError, match="nothing tells what this run was begun with"):
        write(corpus, tiny_bert, out)
