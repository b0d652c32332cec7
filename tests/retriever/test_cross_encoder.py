"""Cross-encoders against the library's own model, pair by pair; what is none is refused."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from indexing.documents import Passage
from indexing.errors import InputError
from retriever.stages.cross_encoder import load_cross_encoder

QUESTIONS = ["what is the capital of france?", "", "which " * 400]
TEXTS = ["paris is the capital of france", "", "berlin " * 300, "the capital of germany"]
PASSAGES = [
    [Passage(n, f"d{n}", "berlin" if n % 2 else "", text, 0, len(text))]
    for n, text in enumerate(TEXTS)
]


def passages(*numbers):
    return [PASSAGES[number][0] for number in numbers]


def test_scores_are_the_models_own(tiny_cross_encoder):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(tiny_cross_encoder).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_cross_encoder)
    lists = [passages(0, 1, 2, 3), [], passages(3, 0)]
    found = load_cross_encoder(str(tiny_cross_encoder), "cpu", "fp32").score(QUESTIONS, lists)
    assert [len(own) for own in found] == [4, 0, 2]
    for question, own, scores in zip(QUESTIONS, lists, found, strict=True):
        for passage, score in zip(own, scores, strict=True):
            text = f"berlin. {passage.text}" if passage.title else passage.text
            inputs = tokenizer(question, text, truncation=True, max_length=256, return_tensors="pt")
            with torch.no_grad():
                assert score == pytest.approx(model(**inputs).logits.item(), abs=1e-4)
    assert len({round(score, 3) for score in found[0]}) == 4
    assert load_cross_encoder(str(tiny_cross_encoder), "cpu", "fp32").score([], []) == []


def test_threads_get_the_same_scores(tiny_cross_encoder):
    scorer = load_cross_encoder(str(tiny_cross_encoder), "cpu", "fp32")
    tasks = [([question], [passages(0, 2, 3)]) for question in QUESTIONS] * 6
    alone = [scorer.score(*task) for task in tasks]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda task: scorer.score(*task), tasks))
    for one, other in zip(alone, together, strict=True):
        assert one[0] == pytest.approx(other[0], abs=1e-5)


def test_what_is_no_cross_encoder_says_why(tiny_bert, tmp_path):
    with pytest.raises(InputError, match=r"no-such.*'reader'"):
        load_cross_encoder("no-such")
    with pytest.raises(InputError, match="2 outputs"):
        load_cross_encoder(str(tiny_bert))
    with pytest.raises(InputError, match=r"config\.json"):
        load_cross_encoder(str(tmp_path))
    headless = tmp_path / "headless"
    shutil.copytree(tiny_bert, headless)
    config = json.loads((headless / "config.json").read_text()) | {"id2label": {"0": "score"}}
    (headless / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"lack .*classifier"):
        load_cross_encoder(str(headless), "cpu", "fp32")


def test_pickled_weights_are_never_read(tiny_cross_encoder, tmp_path):
    import torch

    pickled = tmp_path / "pickled"
    shutil.copytree(tiny_cross_encoder, pickled)
    (pickled / "model.safetensors").unlink()
    torch.save({}, pickled / "pytorch_model.bin")
    with pytest.raises(InputError, match="not a usable cross-encoder"):
        load_cross_encoder(str(pickled), "cpu", "fp32")
