"""Encoder folders of every layout against the libraries that write them."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from encoder.dpr import TwoTowers
from encoder.library import LibraryEncoder
from encoder.load import load_encoder
from encoder.sentence import SentenceEncoder
from encoder.sentence_settings import read_settings
from indexing.errors import InputError

TEXTS = ["Paris is the capital of France.", "", "Berlin, Germany?", "what " * 40]


def load(folder):
    return load_encoder(str(folder), device="cpu", precision="fp32")


def saved(folder, bert, pooling, *, normalize, **options):
    """Save a model with sentence-transformers; return its own vectors of passages, questions."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    words = modules.Transformer(str(bert), max_seq_length=32)
    parts = [words, modules.Pooling(words.get_embedding_dimension(), pooling)]
    if normalize:
        parts.append(modules.Normalize())
    model = SentenceTransformer(modules=parts, device="cpu", **options)
    model.save(str(folder))
    unit = options.get("similarity_fn_name") != "dot"
    return (
        model.encode_document(TEXTS, normalize_embeddings=unit),
        model.encode_query(TEXTS, normalize_embeddings=unit),
    )


@pytest.mark.parametrize(
    ("pooling", "normalize", "similarity", "native"),
    [
        ("mean", True, "cosine", True),
        ("mean", False, "cosine", True),
        ("cls", True, "cosine", True),
        ("cls", False, "dot", True),
        ("mean", False, "dot", False),
        ("max", True, "cosine", False),
    ],
)
def test_a_folder_of_sentence_transformers(
    tmp_path, tiny_bert, pooling, normalize, similarity, native
):
    folder = tmp_path / "model"
    passages, questions = saved(
        folder, tiny_bert, pooling, normalize=normalize, similarity_fn_name=similarity
    )
    encoder = load(folder)
    assert isinstance(encoder, SentenceEncoder if native else LibraryEncoder)
    np.testing.assert_allclose(encoder.encode(TEXTS), passages, atol=2e-4)
    np.testing.assert_allclose(encoder.encode_questions(TEXTS), questions, atol=2e-4)
    assert encoder.dimension == 32
    assert encoder.encode([]).shape == encoder.encode_questions([]).shape == (0, 32)


@pytest.mark.parametrize("pooling", ["mean", "lasttoken"])
def test_prompts_come_from_the_folder(tmp_path, tiny_bert, pooling):
    prompts = {"query": "what is ", "passage": "the ", "other": "of "}
    folder = tmp_path / "model"
    _, questions = saved(folder, tiny_bert, pooling, normalize=True, prompts=prompts)
    plain, _ = saved(tmp_path / "other", tiny_bert, pooling, normalize=True)
    encoder = load(folder)
    texts = [f"the {text}" for text in TEXTS]
    np.testing.assert_allclose(
        encoder.encode(TEXTS), load(tmp_path / "other").encode(texts), atol=2e-4
    )
    np.testing.assert_allclose(encoder.encode_questions(TEXTS), questions, atol=2e-4)
    assert np.abs(plain - questions).max() > 0.01


def test_settings_tell_fingerprints_apart(tmp_path, tiny_bert):
    saved(tmp_path / "a", tiny_bert, "cls", normalize=True)
    saved(tmp_path / "b", tiny_bert, "mean", normalize=True)
    saved(tmp_path / "c", tiny_bert, "mean", normalize=True, prompts={"document": "the "})
    prints = [load(folder).fingerprint for folder in (tmp_path / "a", tmp_path / "b")]
    prints += [load(tmp_path / "c").fingerprint, load(tiny_bert).fingerprint]
    assert len(set(prints[:3])) == 3
    assert load(tmp_path / "c").fingerprint == prints[2]


@pytest.mark.parametrize("name", ["modules.json", "config_sentence_transformers.json"])
def test_damaged_settings_are_named(tmp_path, tiny_bert, name):
    folder = tmp_path / "model"
    shutil.copytree(tiny_bert, folder)
    (folder / name).write_text("{")
    with pytest.raises(InputError, match=name):
        load(folder)


def test_older_names_of_the_pooling_modes(tmp_path, tiny_bert):
    folder = tmp_path / "model"
    saved(folder, tiny_bert, "mean", normalize=True)
    config = folder / "1_Pooling" / "config.json"
    for modes, expected in [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
    ]:
        config.write_text(json.dumps({"word_embedding_dimension": 32, **modes}))
        settings = read_settings(folder)
        assert (settings.pooling, settings.native) == (expected, True)
    both = {"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": True}
    config.write_text(json.dumps(both))
    assert not read_settings(folder).native


def other_model(folder):
    """Write a tiny model that is no BERT."""
    from transformers import DistilBertConfig, DistilBertModel

    config = DistilBertConfig(
        vocab_size=60, dim=32, n_layers=1, n_heads=2, hidden_dim=64, max_position_embeddings=64
    )
    DistilBertModel(config).save_pretrained(folder)


def test_other_models_go_through_the_library(tmp_path, tiny_bert):
    folder = tmp_path / "model"
    folder.mkdir()
    other_model(folder)
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_bert / name, folder)
    encoder = load(folder)
    assert isinstance(encoder, LibraryEncoder)
    assert encoder.encode(TEXTS).shape == (4, 32)
    np.testing.assert_allclose(np.linalg.norm(encoder.encode(TEXTS), axis=1), 1, atol=1e-5)


@pytest.fixture(params=[0, 16], ids=["plain", "projected"])
def towers(request, tmp_path, tiny_bert):
    """Return a folder as DPR's, and its two transformers models."""
    import torch
    from transformers import AutoTokenizer, DPRConfig, DPRContextEncoder, DPRQuestionEncoder

    sizes = json.loads((tiny_bert / "config.json").read_text())
    kept = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads")
    kept += ("intermediate_size", "max_position_embeddings", "initializer_range")
    config = DPRConfig(**{k: sizes[k] for k in kept}, projection_dim=request.param)
    models = {}
    for number, (name, kind) in enumerate(
        [("question_encoder", DPRQuestionEncoder), ("ctx_encoder", DPRContextEncoder)]
    ):
        torch.manual_seed(number)
        models[name] = kind(config).eval()
        models[name].save_pretrained(tmp_path / name)
        AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(tmp_path / name)
    return tmp_path, models["question_encoder"], models["ctx_encoder"]


def transformers_vectors(model, tokenizer, *texts):
    """Encode one text or pair at a time; DPR has no token types."""
    import torch

    rows = []
    for one in zip(*texts, strict=True):
        inputs = tokenizer(*one, return_tensors="pt")
        inputs["token_type_ids"] = torch.zeros_like(inputs["input_ids"])
        with torch.no_grad():
            rows.append(model(**inputs).pooler_output[0].numpy())
    return np.stack(rows)


def test_dprs_two_towers(towers, tiny_bert):
    from transformers import AutoTokenizer

    folder, question_model, passage_model = towers
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    encoder = load(folder)
    assert isinstance(encoder, TwoTowers)
    questions = ["what is the capital of France?", "which"]
    np.testing.assert_allclose(
        encoder.encode_questions(questions),
        transformers_vectors(question_model, tokenizer, questions),
        atol=3e-4,
    )
    titles, texts = ["Paris", "Germany"], ["Paris is the capital.", "Berlin is of Germany."]
    given = [encoder.passage_text(*both) for both in zip(titles, texts, strict=True)]
    expected = transformers_vectors(passage_model, tokenizer, titles, texts)
    assert expected.shape == (2, encoder.dimension)
    np.testing.assert_allclose(encoder.encode(given), expected, atol=3e-4)
    assert encoder.fingerprint != load(folder / "ctx_encoder").fingerprint


def test_a_model_of_the_hub_comes_from_its_cache(tmp_path, tiny_bert, monkeypatch):
    """The layout of the hub client's cache, which needs no network once a model is there."""
    import huggingface_hub.constants

    repository = tmp_path / "models--someone--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc123")
    shutil.copytree(tiny_bert, repository / "snapshots" / "abc123")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    found = load("someone/tiny")
    assert found.name == "someone/tiny"
    assert found.fingerprint == load(tiny_bert).fingerprint
    with pytest.raises(InputError, match="someone/missing"):
        load("someone/missing")
