"""A run on a tiny model: it learns, it resumes exactly, and its checkpoint opens elsewhere."""

from __future__ import annotations

import json

import pytest
import torch

from indexing.documents import Passage
from indexing.errors import InputError
from reader import finetuning
from reader.finetuning import rate_at, train
from reader.load import load_reader
from reader.model import load_model
from reader.train_settings import BatchSettings, TrainSettings

CITIES = ["paris", "berlin"]
COUNTRIES = ["france", "germany"]


@pytest.fixture(scope="module")
def squad_file(tmp_path_factory):
    paragraphs = []
    for i in range(60):
        city, country = CITIES[i % 2], COUNTRIES[i // 2 % 2]
        text = f"{'which ' * (i % 5)}{city} is the capital of {country}"
        qa = {
            "id": str(i),
            "question": f"what is the capital of {country}?",
            "answers": [{"text": city, "answer_start": text.index(city)}],
        }
        paragraphs.append({"context": text, "qas": [qa]})
    file = tmp_path_factory.mktemp("data") / "train.json"
    file.write_text(json.dumps({"data": [{"title": "", "paragraphs": paragraphs}]}))
    return file


def settings_for(tiny_bert, squad_file, **changes):
    values = {
        "base": str(tiny_bert),
        "files": (str(squad_file),),
        "epochs": 6,
        "learning_rate": 3e-3,
        "head_learning_rate": 3e-3,
        "development": 0.0,
        "negatives": 2,
        "batches": BatchSettings(questions=8),
    }
    return TrainSettings(**(values | changes))


def losses(folder):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line["span_loss"] for line in lines]


def test_training_learns_and_the_checkpoint_answers(tiny_bert, squad_file, tmp_path):
    train(settings_for(tiny_bert, squad_file), tmp_path / "run", resume=False)
    assert losses(tmp_path / "run")[-1] < 0.5 * losses(tmp_path / "run")[0]
    reader = load_reader(tmp_path / "run", device="cpu", precision="fp32").reader
    text = "berlin is the capital of germany"
    best = reader.read(["what is the capital of germany?"], [[Passage(0, "d", "", text, 0, 32)]])
    assert best[0][0].text == "berlin"


def test_a_stopped_run_resumes_to_the_same_weights(tiny_bert, squad_file, tmp_path, monkeypatch):
    settings = settings_for(tiny_bert, squad_file, epochs=2)
    train(settings, tmp_path / "whole", resume=False, save_every=4)
    real, seen = finetuning._step, []

    def dying(*args):
        if len(seen) == 6:
            raise KeyboardInterrupt
        seen.append(1)
        return real(*args)

    monkeypatch.setattr(finetuning, "_step", dying)
    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path / "parts", resume=False, save_every=4)
    monkeypatch.setattr(finetuning, "_step", real)
    train(settings, tmp_path / "parts", resume=True, save_every=4)
    whole = load_model(tmp_path / "whole").state_dict()
    parts = load_model(tmp_path / "parts").state_dict()
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, rtol=0, atol=0)


def test_a_folder_in_use_is_not_overwritten(tiny_bert, squad_file, tmp_path):
    settings = settings_for(tiny_bert, squad_file, max_steps=1)
    train(settings, tmp_path / "run", resume=False)
    with pytest.raises(InputError, match="--resume"):
        train(settings, tmp_path / "run", resume=False)
    with pytest.raises(InputError, match="other settings"):
        train(settings_for(tiny_bert, squad_file, max_steps=2), tmp_path / "run", resume=True)


def test_transformers_opens_the_checkpoint_with_the_same_answers(tiny_bert, squad_file, tmp_path):
    from transformers import AutoModelForQuestionAnswering

    train(settings_for(tiny_bert, squad_file, max_steps=2), tmp_path / "run", resume=False)
    theirs = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "run", dtype=torch.float32)
    ours = load_model(tmp_path / "run").eval()
    ids = torch.randint(5, 40, (3, 20), generator=torch.Generator().manual_seed(1))
    segments, mask = torch.zeros_like(ids), torch.ones_like(ids)
    with torch.no_grad():
        out = theirs.eval()(input_ids=ids, token_type_ids=segments, attention_mask=mask)
        start, end, relevance = ours(ids, segments, mask)
    torch.testing.assert_close(out.start_logits, start)
    torch.testing.assert_close(out.end_logits, end)
    assert relevance.shape == (3,)


def test_learning_rate_rises_then_falls_to_zero():
    rates = [rate_at(step, 100, 0.1) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == 1
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(1 / 90)
