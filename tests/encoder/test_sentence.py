"""The bundled encoder against sentence-transformers on the same weights."""

from __future__ import annotations

import numpy as np
import pytest

from encoder.load import default_folder, load_encoder
from indexing.errors import InputError

TEXTS = [
    "Paris is the capital of France.",
    "",
    "The mitochondrion is the powerhouse of the cell. " * 30,
    "東京は日本の首都です",
    "what 🤔",
]


@pytest.fixture(scope="module")
def reference():
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    words = modules.Transformer(
        str(default_folder()), max_seq_length=256, model_kwargs={"dtype": "float32"}
    )
    pooling = modules.Pooling(words.get_embedding_dimension())
    return SentenceTransformer(modules=[words, pooling], device="cpu").encode(
        TEXTS, normalize_embeddings=True
    )


@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.9999), ("int8", 0.95)])
def test_vectors_equal_sentence_transformers(reference, precision, least):
    done = []
    encoder = load_encoder(device="cpu", precision=precision)
    vectors = encoder.encode(TEXTS, done.append)
    assert vectors.shape == (len(TEXTS), encoder.dimension) == (5, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (vectors * reference).sum(axis=1).min() > least
    assert sum(done) == len(TEXTS)


def test_no_texts_give_no_vectors():
    assert load_encoder(device="cpu", precision="fp32").encode([]).shape == (0, 384)


def test_fingerprint_tells_models_apart(tiny_bert):
    default = load_encoder(device="cpu", precision="int8")
    other = load_encoder(str(tiny_bert), device="cpu", precision="fp32")
    assert default.fingerprint == load_encoder(device="cpu", precision="fp32").fingerprint
    assert default.fingerprint != other.fingerprint


def test_unknown_encoder_is_named():
    with pytest.raises(InputError, match="no-such-encoder"):
        load_encoder("no-such-encoder")
