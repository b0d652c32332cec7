"""Learning from teachers: the mean of their probabilities, and a student that takes it on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from reader.features import ReaderTokenizer
from reader.finetuning import train
from reader.loss import distillation_loss, shared_log_softmax
from reader.model import load_model
from reader.teachers import Teachers
from reader.train_settings import BatchSettings, TrainSettings


def inputs(rows=4, length=12):
    generator = torch.Generator().manual_seed(2)
    ids = torch.randint(5, 40, (rows, length), generator=generator)
    allowed = torch.zeros(rows, length, dtype=torch.bool)
    allowed[:, 4:-1] = True
    return {
        "ids": ids,
        "segments": torch.zeros_like(ids),
        "mask": torch.ones_like(ids),
        "allowed": allowed,
        "groups": torch.tensor([0, 0, 1, 2]),
    }


def changed(folder, target, seed):
    """Write a reader whose heads differ from those of `folder`."""
    from reader.model import save_model

    model = load_model(folder)
    torch.manual_seed(seed)
    torch.nn.init.normal_(model.base.qa_outputs.weight, std=0.5)
    torch.nn.init.normal_(model.relevance.weight, std=0.5)
    save_model(model, folder, target, half=False)
    return target


def test_targets_are_the_means_of_the_teachers_probabilities(tiny_bert, tmp_path):
    folders = [changed(tiny_bert, tmp_path / str(seed), seed) for seed in (1, 2)]
    batch = inputs()
    found = Teachers(list(map(str, folders)), torch.device("cpu"), 1, 2.0).targets(batch, 3)
    models = [load_model(folder).eval() for folder in folders]
    with torch.no_grad():
        heads = [model(batch["ids"], batch["segments"], batch["mask"]) for model in models]
    for question in range(3):
        rows = batch["groups"] == question
        for place, targets in ((0, found.start), (1, found.end)):
            kept = [head[place][rows][batch["allowed"][rows]] / 2.0 for head in heads]
            expected = torch.stack([torch.softmax(one, 0) for one in kept]).mean(0)
            torch.testing.assert_close(targets[rows][batch["allowed"][rows]], expected)
    relevance = torch.stack([torch.sigmoid(head[2]) for head in heads]).mean(0)
    torch.testing.assert_close(found.relevance, relevance)
    assert not found.start[~batch["allowed"]].any()


def test_the_loss_is_the_cross_entropy_of_answered_questions():
    batch = inputs()
    generator = torch.Generator().manual_seed(4)
    logits = torch.randn(4, 12, generator=generator, requires_grad=True)
    other = torch.randn(4, 12, generator=generator)
    arguments = (batch["allowed"], batch["groups"], 3)
    own, wanted = (shared_log_softmax(one, *arguments) for one in (logits, other))
    answered = torch.tensor([True, True, False])
    loss = distillation_loss(own, own, (wanted.exp(), wanted.exp()), answered, batch["groups"])
    expected = 0.0
    for question in (0, 1):
        rows = batch["groups"] == question
        kept = batch["allowed"][rows]
        expected -= float((wanted[rows][kept].exp() * own[rows][kept].detach()).sum())
    # Starts and ends are alike, and the mean is over two questions.
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert torch.isfinite(logits.grad).all()
    assert not logits.grad[3].any()


def reading_inputs(folder, question, text):
    tokenizer = ReaderTokenizer.from_folder(folder)
    asked, passage = tokenizer.question(question), tokenizer.passages([text])[0]
    row = [*tokenizer.head(asked, tokenizer.title("")).tolist(), *passage.ids.tolist()]
    ids = torch.tensor([[*row, tokenizer.sep]])
    segments = (torch.arange(ids.shape[1]) >= len(asked) + 2).long()[None]
    return len(row) - len(passage), (ids, segments, torch.ones_like(ids))


def start_logprobs(folder, first, words):
    with torch.no_grad():
        start, _, _ = load_model(folder).eval()(*words)
    return torch.log_softmax(start[0, first:-1], 0)


def test_a_student_takes_on_what_its_teacher_says(tiny_bert, tmp_path):
    """The labels say something else; with all the weight on the teacher it does not matter."""
    question, text = "what is the capital?", "paris is the capital of france"
    answers = [{"text": "france", "answer_start": text.index("france")}]
    asked = [{"id": str(i), "question": question, "answers": answers} for i in range(8)]
    file = tmp_path / "train.json"
    articles = [{"title": "", "paragraphs": [{"context": text, "qas": asked}]}]
    file.write_text(json.dumps({"data": articles}))
    teacher = changed(tiny_bert, tmp_path / "teacher", 7)
    settings = TrainSettings(
        str(tiny_bert),
        (str(file),),
        epochs=60,
        learning_rate=3e-3,
        head_learning_rate=3e-3,
        development=0.0,
        negatives=0,
        teachers=(str(teacher),),
        temperature=1.0,
        batches=BatchSettings(questions=8, crop_rate=0.0),
    )
    first, words = reading_inputs(tiny_bert, question, text)
    wanted = start_logprobs(teacher, first, words)
    divergence = {}
    for share in (0.0, 1.0):
        out = tmp_path / f"student-{share}"
        train(replace(settings, distil=share), out, resume=False)
        own = start_logprobs(out, first, words)
        divergence[share] = float((wanted.exp() * (wanted - own)).sum())
    assert divergence[1.0] < 0.2 * divergence[0.0]
