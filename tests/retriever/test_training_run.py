"""A run on a tiny model: batches, learning, resuming, and the folder that it leaves."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from encoder.load import load_encoder
from encoder.sentence_settings import read_settings
from indexing.errors import InputError
from retriever.training import run
from retriever.training.batches import BatchMaker
from retriever.training.examples import TrainingExamples, TrainingQuestion
from retriever.training.run import train
from retriever.training.settings import EncoderTraining
from retriever.training.texts import TextPieces
from tests.stopping import stopped_after

LETTERS = "abcdefghijklmnop"


class NoAnswers:
    def held(self, questions, passages):
        return np.zeros((len(questions), len(passages)), dtype=np.bool_)


def examples(teacher=False):
    """Questions whose word stands once more in their passage; 16 passages without a question."""
    passages = [("", f"the {a}{b} of {b}{a}") for a in LETTERS for b in LETTERS[:5]]
    questions = [
        TrainingQuestion(f"which is {text.split()[1]}", (n,), ((n + 1) % 80, (n + 2) % 80))
        for n, (_, text) in enumerate(passages[:64])
    ]
    scores = [np.array([3.0, 0.0, -1.0], dtype=np.float32) for _ in questions] if teacher else None
    return TrainingExamples(passages, questions, NoAnswers(), scores)


def settings_for(folder, **changes):
    values = {"epochs": 3, "batch": 16, "learning_rate": 3e-3, "chunk_tokens": 128}
    return EncoderTraining(str(folder), ("x",), **(values | changes))


def log(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_a_batch_holds_each_passage_once_and_masks_right_ones(tiny_bert):
    class Second:
        def held(self, questions, passages):
            return np.array([[p in (q + 1, q + 5) for p in passages] for q in questions])

    passages = [("", f"the {a}") for a in LETTERS]
    questions = [TrainingQuestion("which", (q, q + 2), (q + 1, q + 3)) for q in range(8)]
    teacher = [np.arange(4, dtype=np.float32) + q for q in range(8)]
    data = TrainingExamples(passages, questions, Second(), teacher)
    settings = settings_for(tiny_bert, batch=8, negatives=2)
    texts = TextPieces(tiny_bert, read_settings(tiny_bert))
    maker = BatchMaker(data, texts, settings)
    known = {tuple(row.tolist()): n for n, row in enumerate(texts.passages(passages))}
    for step in range(20):
        batch = maker.batch(step)
        columns = [known[tuple(row.tolist())] for row in batch.rows[batch.questions :]]
        assert len(set(columns)) == len(columns)
        order = np.random.default_rng((settings.seed, 0, step)).permutation(8)
        for row, question in enumerate(order.tolist()):
            gold = columns[batch.target[row]]
            assert gold in (question, question + 2)
            wrong = {question, question + 2, question + 1, question + 5} - {gold}
            assert [c not in wrong for c in columns] == batch.allowed[row].tolist()
            own = {question: 0, question + 2: 1, question + 1: 2, question + 3: 3}
            for column, score in zip(columns, batch.teacher[row], strict=True):
                drawn = column in own and column not in {question, question + 2} - {gold}
                if drawn:
                    assert score == own[column] + question
                else:
                    assert score == -np.inf


def test_training_learns(tiny_bert, tmp_path):
    settings = settings_for(tiny_bert, epochs=20, dropout=0.0, temperature=0.1)
    train(examples, settings, tmp_path / "run", resume=False)
    lines = log(tmp_path / "run")
    assert lines[-1]["accuracy"] > lines[0]["accuracy"] + 0.3
    assert lines[-1]["loss"] < 0.5 * lines[0]["loss"]
    assert {"pairs_per_second", "tokens_per_second", "eta_minutes"} <= set(lines[0])
    encoder = load_encoder(str(tmp_path / "run"), device="cpu", precision="fp32")
    data = examples()
    asked = encoder.encode_questions([question.text for question in data.questions])
    found = asked @ encoder.encode([text for _, text in data.passages]).T
    right = found.argmax(1) == [question.positives[0] for question in data.questions]
    assert right.mean() > 0.3  # by chance 1 in 80


def test_a_stopped_run_resumes_to_the_same_weights(tiny_bert, tmp_path):
    from functools import partial

    settings = settings_for(tiny_bert, dropout=0.2, teacher="x")
    load = partial(examples, teacher=True)
    train(load, settings, tmp_path / "whole", resume=False, save_every=4)
    with stopped_after(6, run, "_step"):
        train(load, settings, tmp_path / "parts", resume=False, save_every=4)
    train(load, settings, tmp_path / "parts", resume=True, save_every=4)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "parts")]
    assert weights[0] == weights[1]
    with pytest.raises(InputError, match="--resume"):
        train(load, settings, tmp_path / "whole", resume=False)
    with pytest.raises(InputError, match="other settings"):
        train(load, settings_for(tiny_bert, seed=1), tmp_path / "whole", resume=True)


@pytest.mark.parametrize("layout", ["plain", "cls", "prompts"])
def test_sentence_transformers_opens_the_folder_with_the_same_vectors(tiny_bert, tmp_path, layout):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import AutoTokenizer

    base = tmp_path / "base"
    if layout == "plain":
        shutil.copytree(tiny_bert, base)
        # The own tokenizer file of the fixture adds no [CLS]; one of transformers does.
        AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(base)
    else:
        words = modules.Transformer(str(tiny_bert), max_seq_length=32)
        pooling = modules.Pooling(words.get_embedding_dimension(), "mean")
        if layout == "cls":
            pooling = modules.Pooling(words.get_embedding_dimension(), "cls")
        prompts = {"query": "what is ", "document": "the "} if layout == "prompts" else None
        SentenceTransformer(
            modules=[words, pooling, modules.Normalize()], device="cpu", prompts=prompts
        ).save(str(base))
    out = tmp_path / "out"
    train(examples, settings_for(base, max_steps=2), out, resume=False)
    assert read_settings(out) == read_settings(base)
    texts = ["Paris is the capital.", "what " * 40, ""]
    theirs = SentenceTransformer(str(out), device="cpu")
    ours = load_encoder(str(out), device="cpu", precision="fp32")
    for found, told in (
        (ours.encode(texts), theirs.encode_document(texts, convert_to_numpy=True)),
        (ours.encode_questions(texts), theirs.encode_query(texts, convert_to_numpy=True)),
    ):
        wanted = told.astype(np.float32)
        np.testing.assert_allclose(found, wanted, atol=2e-3)
        np.testing.assert_allclose(np.linalg.norm(wanted, axis=1), 1, atol=2e-3)
    before = load_encoder(str(base), device="cpu", precision="fp32").encode(texts)
    assert np.abs(before - ours.encode(texts)).max() > 0.01


def test_what_cannot_be_trained_is_told(tiny_bert, tmp_path):
    towers = tmp_path / "towers"
    for part in ("question_encoder", "ctx_encoder"):
        (towers / part).mkdir(parents=True)
    other = tmp_path / "other"
    shutil.copytree(tiny_bert, other)
    (other / "config.json").write_text(json.dumps({"model_type": "roberta"}))
    for folder, why in ((towers, "two towers"), (other, "BERT"), (tmp_path / "no", "not found")):
        with pytest.raises(InputError, match=why):
            train(examples, settings_for(folder), tmp_path / "run", resume=False)
    nothing = TrainingExamples([], [], NoAnswers())
    with pytest.raises(InputError, match="nothing"):
        train(lambda: nothing, settings_for(tiny_bert), tmp_path / "run", resume=False)


def test_state_is_saved_in_full_precision(tiny_bert, tmp_path):
    from safetensors.torch import load_file

    train(examples, settings_for(tiny_bert), tmp_path / "run", resume=False, save_every=5)
    (state,) = (tmp_path / "run" / "state").glob("step-*")
    assert {t.dtype for t in load_file(state / "model.safetensors").values()} == {torch.float32}
    final = load_file(tmp_path / "run" / "model.safetensors")
    assert {tensor.dtype for tensor in final.values()} == {torch.float16}
