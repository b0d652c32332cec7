from __future__ import annotations

import argparse

import pytest

from indexing.build import BuildSettings, add_vectors, build_index
from indexing.errors import InputError
from indexing.index import Index, lexical_settings
from indexing.lexical import LexicalSettings
from indexing.vectors_kinds import VectorSettings
from indexing.words import WordSettings
from pipelines.commands import index_settings
from tests.hashing_encoder import HashingEncoder


def parsed(*words):
    parser = argparse.ArgumentParser()
    index_settings.add_lexical(parser)
    index_settings.add_vectors(parser, none=True)
    return parser.parse_args(words)


def test_without_options_all_is_default():
    args = parsed()
    assert index_settings.lexical_settings(args) == LexicalSettings()
    assert index_settings.vector_settings(args) == VectorSettings()


def test_options_become_settings():
    args = parsed(
        *("--k1", "1.2", "--b", "0.75", "--title-weight", "3"),
        *("--stemmer", "german", "--stop-words", "none"),
        *("--vectors", "ivf", "--vector-recall", "0.9", "--vector-memory", "1.5G"),
    )
    assert index_settings.lexical_settings(args) == LexicalSettings(
        1.2, 0.75, 3, WordSettings(stop_words=False, stemmer="german")
    )
    assert index_settings.vector_settings(args) == VectorSettings("ivf", 0.9, 3 * 2**29)
    args = parsed("--stemmer", "none", "--stop-words", "english", "--title-weight", "0")
    found = index_settings.lexical_settings(args)
    assert (found.words, found.titles) == (WordSettings(stemmer=None), 0)


@pytest.mark.parametrize(
    "words",
    [
        ("--title-weight", "-1"),
        ("--title-weight", "two"),
        ("--vector-memory", "much"),
        ("--vector-memory", "0"),
        ("--vector-memory", "1e999G"),
        ("--stop-words", "french"),
        ("--k1", "x"),
    ],
)
def test_senseless_options_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        parsed(*words)
    assert words[0] in capsys.readouterr().err


def test_an_unknown_stemmer_is_named():
    with pytest.raises(InputError, match="klingon"):
        index_settings.lexical_settings(parsed("--stemmer", "klingon"))


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
def test_numbers_of_bm25_are_finite(value):
    with pytest.raises(InputError, match="finite k1"):
        index_settings.lexical_settings(parsed("--k1", value))


@pytest.fixture
def source(tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("\n\n".join(f"Runner {number} was running there." for number in range(60)))
    return file


def test_settings_are_kept_in_the_manifest(tmp_path, source):
    lexical = LexicalSettings(1.2, 0.3, 2, WordSettings(stop_words=False, stemmer="english"))
    root = tmp_path / "index"
    build_index([source], root, BuildSettings(lexical=lexical))
    with Index.open(root) as index:
        assert lexical_settings(index.manifest) == lexical
        ids, _ = index.lexical.search(["they run"], 5)
        assert (ids[0] >= 0).any()


def test_another_kind_of_vectors_needs_no_new_encoding(tmp_path, source):
    root, first, second = tmp_path / "index", HashingEncoder(), HashingEncoder()
    build_index([source], root, encoder=first)
    with Index.open(root) as index:
        before = index.vectors.stored(0, len(index.passages))
        assert index.manifest.vectors.search == {}
    add_vectors(root, second, settings=VectorSettings("IVF1,Flat", recall=0.9))
    assert second.encoded == []
    with Index.open(root) as index:
        record = index.manifest.vectors
        assert record.factory == "IVF1,Flat"
        assert record.search["recall"] == 1.0
        assert record.search["parameters"] == "nprobe=1"
        assert index.manifest.settings["vectors"]["kind"] == "IVF1,Flat"
        found, _ = index.vectors.search(before[:3], 2)
        assert (found >= 0).all()
    # The codes of this kind are all there is now: a third kind must encode again.
    add_vectors(root, second, settings=VectorSettings("exact"))
    assert len(second.encoded) == len(before)


def test_a_wrong_kind_is_refused_before_anything_is_read(tmp_path, source):
    settings = BuildSettings(vectors=VectorSettings("no-such-kind"))
    with pytest.raises(InputError, match="no-such-kind"):
        build_index([source], tmp_path / "index", settings, HashingEncoder())
    assert not (tmp_path / "index").exists()
