"""What encodes questions beside an encoder of passages: an encoder of their own, an adapter."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from encoder.load import load_encoder
from encoder.model_cache import cached_model
from encoder.question_adapter import QuestionAdapter, read_adapter
from encoder.question_side import QUESTION_ENCODER
from encoder.session import open_session
from indexing.errors import InputError

TEXTS = ["what is the capital of france", "berlin", ""]
WORDS = "bert.embeddings.word_embeddings.weight"


def load(folder, *, adapted=True):
    return load_encoder(str(folder), "cpu", "fp32", adapted=adapted)


def with_questions(bert, folder, *, words):
    """Return an encoder's folder with one of questions, and that one alone, whose words it has."""
    shutil.copytree(bert, folder)
    weights = load_file(bert / "model.safetensors")
    generator = np.random.default_rng(8)
    own = {
        name: value if name == WORDS else value + 0.1 * generator.normal(size=value.shape)
        for name, value in weights.items()
    }
    own = {name: value.astype(np.float32) for name, value in own.items()}
    alone, beside = folder.with_name("alone"), folder / QUESTION_ENCODER
    for target in (alone, beside):
        shutil.copytree(bert, target)
        save_file(own, target / "model.safetensors")
    if not words:
        del own[WORDS]
        save_file(own, beside / "model.safetensors")
    return folder, alone


@pytest.mark.parametrize("words", [True, False])
def test_questions_have_an_encoder_of_their_own(tiny_bert, tmp_path, words):
    folder, alone = with_questions(tiny_bert, tmp_path / "both", words=words)
    both, plain, questions = load(folder), load(tiny_bert), load(alone)
    np.testing.assert_array_equal(both.encode(TEXTS), plain.encode(TEXTS))
    np.testing.assert_array_equal(both.encode_questions(TEXTS), questions.encode_questions(TEXTS))
    assert np.abs(both.encode_questions(TEXTS) - plain.encode_questions(TEXTS)).max() > 0.01
    assert both.fingerprint == plain.fingerprint
    assert (both.name, both.dimension) == (str(folder), plain.dimension)
    assert both.passage_text("a", "b") == plain.passage_text("a", "b")


def test_int8_takes_the_words_of_the_folder_above(tiny_bert, tmp_path):
    folder, alone = with_questions(tiny_bert, tmp_path / "both", words=False)
    found, wanted = (
        load_encoder(str(one), "cpu", "int8").encode_questions(TEXTS) for one in (folder, alone)
    )
    np.testing.assert_array_equal(found, wanted)


def test_who_only_asks_does_not_load_the_encoder_of_passages(tiny_bert, tmp_path, monkeypatch):
    folder, _ = with_questions(tiny_bert, tmp_path / "both", words=False)
    opened = []

    def counted(folder, *others):
        opened.append(folder.name)
        return open_session(folder, *others)

    monkeypatch.setattr("encoder.sentence.open_session", counted)
    encoder = load(folder)
    encoder.encode_questions(TEXTS)
    assert opened == [QUESTION_ENCODER]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(encoder.encode, [TEXTS] * 8))
    assert opened == [QUESTION_ENCODER, "both"]


def test_an_adapter_comes_after_the_encoder_of_questions(tiny_bert, tmp_path):
    folder, _ = with_questions(tiny_bert, tmp_path / "both", words=False)
    plain = load(folder)
    rng = np.random.default_rng(3)
    size = plain.dimension
    weight = rng.normal(size=(size, size)).astype(np.float32) / 4
    QuestionAdapter(weight, rng.normal(size=size).astype(np.float32) / 4).save(folder)
    adapted, saved = load(folder), read_adapter(folder, size)
    before = plain.encode_questions(TEXTS)
    np.testing.assert_array_equal(adapted.encode_questions(TEXTS), saved.apply(before))
    np.testing.assert_array_equal(adapted.encode(TEXTS), plain.encode(TEXTS))
    assert adapted.fingerprint == plain.fingerprint
    np.testing.assert_array_equal(load(folder, adapted=False).encode_questions(TEXTS), before)


def test_unusable_encoders_of_questions_are_named(tiny_bert, tmp_path):
    folder, alone = with_questions(tiny_bert, tmp_path / "both", words=False)
    file = folder / QUESTION_ENCODER / "config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps(config | {"projection_dim": 7}))
    with pytest.raises(InputError, match="have 7 numbers, those of passages 32; train it anew"):
        load(folder)
    shutil.copytree(folder / QUESTION_ENCODER, alone / "lonely" / "deeper")
    with pytest.raises(InputError, match="no word embeddings, neither here nor in the folder abo"):
        load(alone / "lonely" / "deeper")
    file.unlink()
    with pytest.raises(InputError, match="not found; a checkpoint folder needs this file"):
        load(folder)


def test_other_words_above_make_another_model(tiny_bert, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder, _ = with_questions(tiny_bert, tmp_path / "both", words=False)

    def built():
        return cached_model(folder / QUESTION_ENCODER, "kind", lambda file: file.write_text("x"))

    first = built()
    assert built() == first
    weights = load_file(folder / "model.safetensors")
    save_file(weights | {"more": np.zeros(1, np.float32)}, folder / "model.safetensors")
    assert built() != first
