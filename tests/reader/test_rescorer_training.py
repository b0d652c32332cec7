"""A rescorer's run on a tiny model: it learns to choose, and it resumes exactly."""

from __future__ import annotations

import json
import math
import random
from contextlib import nullcontext

import pytest
import torch

from indexing.documents import Passage
from indexing.errors import InputError
from reader import rescorer_training
from reader.features import ReaderTokenizer
from reader.model import load_model
from reader.model_session import ModelSession
from reader.rescorer_data import collate, load_candidates
from reader.rescorer_settings import RescorerSettings
from reader.rescorer_training import accumulate, answer_scores, choice_loss, train_rescorer
from reader.rescoring import MarkedReader
from reader.spans import Span
from tests.stopping import stopped_after

CITIES = ["paris", "berlin", "germany", "france"]


@pytest.fixture(scope="module")
def candidates(tmp_path_factory):
    """Return a file of 80 questions, to which "berlin" is right wherever it stands."""
    generator = random.Random(3)
    lines = []
    for i in range(80):
        order = generator.sample(CITIES, 4)
        text = "which ".join(f"{city} is the " for city in order) + "what " * (i % 5)
        answers = generator.sample(CITIES, 4)
        if i % 3 == 0:
            answers = ["berlin", *(city for city in answers if city != "berlin")][:2]
        own = [
            {
                "title": "",
                "text": text,
                "start": text.index(city),
                "end": text.index(city) + len(city) + (len(" is the") if i % 2 else 0),
                "right": city == "berlin",
            }
            for city in answers
        ]
        lines.append({"question": f"what is number {i}", "candidates": own})
    file = tmp_path_factory.mktemp("data") / "candidates.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def settings_for(tiny_bert, candidates, **changes):
    values = {
        "base": str(tiny_bert),
        "files": (str(candidates),),
        "epochs": 8,
        "questions": 8,
        "chunk": 4,
        "learning_rate": 2e-3,
        "head_learning_rate": 2e-3,
        "held_out": 0.2,
    }
    return RescorerSettings(**(values | changes))


def asked_again(candidates):
    """Return a file's lines, and their answers as what asks again gets them."""
    lines = [json.loads(line) for line in candidates.read_text().splitlines()]
    spans = [
        [
            Span(Passage(0, "", "", one["text"], 0, 9), one["start"], one["end"], 0, 0, 0)
            for one in line["candidates"]
        ]
        for line in lines
    ]
    return lines, spans


def test_the_loss_is_what_a_plain_loop_says():
    generator = random.Random(1)
    counts = [3, 5, 2, 4]
    scores = [[generator.uniform(-9, 9) for _ in range(count)] for count in counts]
    right = [[True, False, True], [False] * 4 + [True], [True, False], [False, True, True, False]]
    wanted = 0.0
    for own, labels in zip(scores, right, strict=True):
        whole = sum(math.exp(score) for score in own)
        good = sum(math.exp(score) for score, label in zip(own, labels, strict=True) if label)
        wanted -= math.log(good / whole) / len(counts)
    padded = torch.full((4, 5), -torch.inf, dtype=torch.float64)
    labels = torch.zeros(4, 5, dtype=torch.bool)
    for i, count in enumerate(counts):
        padded[i, :count] = torch.tensor(scores[i], dtype=torch.float64)
        labels[i, :count] = torch.tensor(right[i])
    padded.requires_grad_()
    loss = choice_loss(padded, labels)
    assert loss.item() == pytest.approx(wanted, rel=1e-12)
    loss.backward()
    assert padded.grad.isfinite().all()
    assert (padded.grad[0, 3:] == 0).all()


def test_scores_are_those_of_inference(tiny_bert, candidates):
    tokenizer = ReaderTokenizer.from_folder(tiny_bert)
    model = load_model(tiny_bert).eval()
    questions = load_candidates([candidates], tokenizer)[:6]
    with torch.no_grad():
        found = answer_scores(model, collate(questions, tokenizer.pad)).tolist()
    lines, spans = asked_again(candidates)
    reader = MarkedReader(tokenizer, ModelSession(model))
    wanted = reader.rescore([line["question"] for line in lines[:6]], spans[:6])
    for own, theirs in zip(found, wanted, strict=True):
        assert own == pytest.approx(theirs + [-math.inf] * (len(own) - len(theirs)), abs=1e-4)


@pytest.mark.parametrize("chunk", [1, 3, 5])
def test_chunks_give_the_gradients_of_the_whole_batch(tiny_bert, candidates, chunk, monkeypatch):
    # In bf16 rows padded to another length would differ by more than a mistake in the weights.
    monkeypatch.setattr(rescorer_training, "half_precision", lambda device: nullcontext())
    tokenizer = ReaderTokenizer.from_folder(tiny_bert)
    questions = load_candidates([candidates], tokenizer)[:7]
    model = load_model(tiny_bert).eval()
    batch = collate(questions, tokenizer.pad)
    whole = choice_loss(answer_scores(model, batch), torch.from_numpy(batch.right))
    whole.backward()
    wanted = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    loss = accumulate(model, questions, tokenizer.pad, chunk)
    torch.testing.assert_close(loss, whole.detach(), rtol=1e-5, atol=1e-6)
    assert wanted["relevance.weight"].abs().max() > 1e-3
    for name, parameter in model.named_parameters():
        if name in wanted:
            torch.testing.assert_close(parameter.grad, wanted[name], rtol=1e-3, atol=1e-5)


def test_a_run_learns_to_choose(tiny_bert, candidates, tmp_path):
    out = tmp_path / "run"
    result = train_rescorer(settings_for(tiny_bert, candidates), out, resume=False)
    assert (result.trained, result.held_out) == (64, 16)
    assert 0 < result.before < 12
    assert result.after >= 15
    # What asks with the checkpoint chooses as well.
    rescorer = MarkedReader(ReaderTokenizer.from_folder(out), ModelSession(load_model(out)))
    lines, spans = asked_again(candidates)
    found = rescorer.rescore([line["question"] for line in lines], spans)
    best = [scores.index(max(scores)) for scores in found]
    right = [line["candidates"][i]["right"] for line, i in zip(lines, best, strict=True)]
    assert sum(right) >= sum(any(c["right"] for c in line["candidates"]) for line in lines) - 4
    again = train_rescorer(settings_for(tiny_bert, candidates), out, resume=True)
    assert again == result


def test_before_counts_the_readers_own_order(tiny_bert, candidates, tmp_path):
    settings = settings_for(tiny_bert, candidates, held_out=0.9, max_steps=1)
    result = train_rescorer(settings, tmp_path / "run", resume=False)
    lines = [json.loads(line) for line in candidates.read_text().splitlines()]
    firsts = [line["candidates"][0]["right"] for line in lines]
    assert result.held_out == 72
    assert sum(firsts) - 8 <= result.before <= sum(firsts)


def test_a_stopped_run_resumes_to_the_same_weights(tiny_bert, candidates, tmp_path):
    settings = settings_for(tiny_bert, candidates, epochs=2, dropout=0.2)
    whole = train_rescorer(settings, tmp_path / "whole", resume=False, save_every=5)
    for stop in (7, 8):  # in the first epoch of 8 steps, then, from step 5 on, in the second
        with stopped_after(stop, rescorer_training, "_step"):
            train_rescorer(settings, tmp_path / "parts", resume=stop != 7, save_every=5)
    parts = train_rescorer(settings, tmp_path / "parts", resume=True, save_every=5)
    assert parts == whole
    others = load_model(tmp_path / "parts").state_dict()
    for name, tensor in load_model(tmp_path / "whole").state_dict().items():
        torch.testing.assert_close(others[name], tensor, rtol=0, atol=0)


def test_span_logits_are_softened_once(tiny_bert, candidates, tmp_path):
    still = settings_for(tiny_bert, candidates, epochs=1, learning_rate=0, head_learning_rate=0)
    with stopped_after(4, rescorer_training, "_step"):
        train_rescorer(still, tmp_path / "run", resume=False, save_every=2)
    train_rescorer(still, tmp_path / "run", resume=True, save_every=2)
    before = load_model(tiny_bert).base.state_dict()
    for name, tensor in load_model(tmp_path / "run").base.state_dict().items():
        share = 0.25 if name.startswith("qa_outputs") else 1.0
        torch.testing.assert_close(tensor, (share * before[name]).half().float())


def test_a_rescorer_that_goes_on_keeps_its_span_logits(tiny_bert, candidates, tmp_path):
    still = settings_for(
        tiny_bert, candidates, goes_on=True, max_steps=1, learning_rate=0, head_learning_rate=0
    )
    train_rescorer(still, tmp_path / "run", resume=False)
    before = load_model(tiny_bert).base.state_dict()
    for name, tensor in load_model(tmp_path / "run").base.state_dict().items():
        torch.testing.assert_close(tensor, before[name].half().float())


def test_a_folder_in_use_is_not_overwritten(tiny_bert, candidates, tmp_path):
    settings = settings_for(tiny_bert, candidates, max_steps=1)
    train_rescorer(settings, tmp_path / "run", resume=False)
    with pytest.raises(InputError, match="--resume"):
        train_rescorer(settings, tmp_path / "run", resume=False)
    other = settings_for(tiny_bert, candidates, max_steps=2)
    with pytest.raises(InputError, match="other settings"):
        train_rescorer(other, tmp_path / "run", resume=True)


def test_nothing_left_to_train_on_is_an_error(tiny_bert, candidates, tmp_path):
    settings = settings_for(tiny_bert, candidates, held_out=1.0)
    with pytest.raises(InputError, match="held out"):
        train_rescorer(settings, tmp_path / "run", resume=False)
