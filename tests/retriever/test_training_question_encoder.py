"""Training of encoders of questions: what is learnt, kept and written."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file

from encoder.load import load_encoder
from encoder.question_adapter import no_adapter
from encoder.question_side import QUESTION_ENCODER
from indexing.errors import InputError
from indexing.progress import SilentProgress
from retriever.training.candidates import Candidates
from retriever.training.question_encoder import train_question_encoder
from retriever.training.settings import AdapterTraining

WORDS = ["capital", "france", "paris", "berlin", "germany", "what", "is", "the"]
TEXTS = [f"{a} {b} {c}" for a in WORDS for b in WORDS for c in ("of", "the")]


def load(folder):
    return load_encoder(str(folder), "cpu", "fp32")


@pytest.fixture(scope="module")
def asked(tiny_bert):
    """Return questions whose right passage is the next question's vector, turned round."""
    vectors = load(tiny_bert).encode_questions(TEXTS)
    passages = np.roll(vectors, 1, axis=0)[:, ::-1].copy()
    rng = np.random.default_rng(2)
    ids = np.stack([[n, *rng.choice(np.delete(np.arange(128), n), 9)] for n in range(128)])
    right = np.zeros(ids.shape, np.bool_)
    right[:, 0] = True
    return passages, Candidates(TEXTS, vectors, ids, right, np.zeros(ids.shape, np.float32))


def train(tiny_bert, folder, asked, **settings):
    passages, candidates = asked
    if not folder.exists():
        shutil.copytree(tiny_bert, folder)
    start = no_adapter(passages.shape[1])
    learnt = train_question_encoder(
        candidates, lambda ids: passages[ids], folder, start, AdapterTraining(**settings),
        SilentProgress(),
    )  # fmt: skip
    learnt.save(folder)
    return load(folder)


def first(encoder, asked):
    passages, candidates = asked
    scores = np.einsum("qd,qpd->qp", encoder.encode_questions(TEXTS), passages[candidates.ids])
    return (scores.argmax(axis=1) == 0).mean()


SETTINGS = {"epochs": 8, "batch": 32, "encoder_learning_rate": 6e-3, "dropout": 0.0}


def test_questions_learn_and_passages_stay(tiny_bert, tmp_path, asked):
    before, after = load(tiny_bert), train(tiny_bert, tmp_path / "new", asked, **SETTINGS)
    assert first(after, asked) > first(before, asked) + 0.3
    np.testing.assert_array_equal(after.encode(TEXTS), before.encode(TEXTS))
    assert after.fingerprint == before.fingerprint
    file = tmp_path / "new" / QUESTION_ENCODER / "model.safetensors"
    names = load_file(file)
    assert not any("word_embeddings" in name for name in names)
    assert {value.dtype for value in names.values()} == {np.dtype(np.float16)}
    again = train(tiny_bert, tmp_path / "again", asked, **SETTINGS)
    np.testing.assert_array_equal(again.encode_questions(TEXTS), after.encode_questions(TEXTS))


def test_training_goes_on_from_the_encoder_of_questions(tiny_bert, tmp_path, asked):
    once = train(tiny_bert, tmp_path / "new", asked, **SETTINGS)
    reached = first(once, asked)
    still = train(tiny_bert, tmp_path / "new", asked, **SETTINGS | {"strength": 0.0})
    assert abs(first(still, asked) - reached) < 0.1
    assert np.abs(still.encode_questions(TEXTS) - load(tiny_bert).encode(TEXTS)).max() > 0.05


def test_a_model_of_other_names_is_refused(tiny_bert, tmp_path, asked):
    folder = tmp_path / "new"
    shutil.copytree(tiny_bert, folder)
    shutil.copytree(tiny_bert, folder / QUESTION_ENCODER)  # a reader's, whose names have a prefix
    with pytest.raises(InputError, match="not an encoder of questions by `qa train adapter"):
        train(tiny_bert, folder, asked, **SETTINGS)


def test_of_what_is_learnt_a_share_is_taken(tiny_bert, tmp_path, asked):
    for name, strength in (("whole", 1.0), ("half", 0.5)):
        train(tiny_bert, tmp_path / name, asked, **SETTINGS | {"strength": strength})
    before, whole, half = (
        load_file(folder / "model.safetensors")
        for folder in (
            tiny_bert, tmp_path / "whole" / QUESTION_ENCODER, tmp_path / "half" / QUESTION_ENCODER
        )
    )  # fmt: skip
    for name, value in half.items():
        wanted = (before[f"bert.{name}"] + whole[name].astype(np.float32)) / 2
        np.testing.assert_allclose(value, wanted, atol=2e-3)
    assert any(np.abs(whole[n] - half[n]).max() > 0.01 for n in half)
