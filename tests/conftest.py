"""Shared fixtures: a tiny random BERT checkpoint, and a cache folder that is no user's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WORDS = ["paris", "is", "the", "capital", "of", "france", "berlin", "germany", "what", "which"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """Keep built models and demo indexes of the tests out of the user's cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory) -> Path:
    """Return a folder with a random two-layer BERT question-answering checkpoint of real layout."""
    import torch
    from transformers import BertConfig, BertForQuestionAnswering

    folder = tmp_path_factory.mktemp("tiny-bert")
    torch.manual_seed(5)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,?!'-éß"
    vocabulary += [*letters, *(f"##{letter}" for letter in letters)]
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=256,
        initializer_range=0.4,
    )
    BertForQuestionAnswering(config).eval().save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    from reader.features import build_wordpiece

    build_wordpiece(folder / "vocab.txt", lowercase=True).save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="session")
def tiny_cross_encoder(tmp_path_factory, tiny_bert) -> Path:
    """Return a folder with a random cross-encoder of one output and the tiny BERT's words."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("tiny-cross-encoder") / "model"
    shutil.copytree(tiny_bert, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    config = BertConfig.from_pretrained(tiny_bert, num_labels=1)
    torch.manual_seed(11)
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    return folder
