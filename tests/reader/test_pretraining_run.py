"""Pretraining on a tiny model: losses, exact resume, sharing among processes, checkpoints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from indexing.errors import InputError
from reader.model import load_model
from reader.pretraining import run
from reader.pretraining.batches import make_batch, plan_epoch
from reader.pretraining.model import build_model
from reader.pretraining.processes import Group, process_group
from reader.pretraining.run import pretrain
from reader.pretraining.settings import PretrainSettings
from reader.pretraining.shards import open_tokens
from reader.pretraining.source import own_batches
from reader.pretraining.throughput import step_operations
from reader.pretraining.vocabulary import Vocabulary
from tests.stopping import stopped_after

RUN = """
import json, sys
from pathlib import Path
from reader.pretraining.processes import process_group
from reader.pretraining.run import pretrain
from reader.pretraining.settings import PretrainSettings
with process_group() as group:
    pretrain(PretrainSettings(**json.loads(sys.argv[1])), Path(sys.argv[2]), group, resume=False)
"""


@pytest.fixture(scope="module")
def tokens_folder(tiny_bert, tmp_path_factory):
    """Documents in which one letter tells the next ones: there is something to learn."""
    from indexing.corpus import CorpusOptions
    from indexing.problems import Problems
    from reader.pretraining.shards import write_tokens

    folder = tmp_path_factory.mktemp("tokens")
    rng = np.random.default_rng(0)
    lines = []
    for i in range(300):
        words = [["paris", "of", "france"], ["berlin", "is", "germany"]]
        text = " ".join(w for pick in rng.integers(0, 2, 12) for w in words[pick])
        lines.append(json.dumps({"id": str(i), "text": text}))
    (folder / "corpus.jsonl").write_text("\n".join(lines))
    write_tokens(
        [str(folder / "corpus.jsonl")],
        tiny_bert,
        folder / "tokens",
        CorpusOptions(),
        Problems(),
        shard=6000,
    )
    return folder / "tokens"


def settings_for(tiny_bert, tokens_folder, **changes):
    values = {
        "base": str(tiny_bert),
        "tokens": str(tokens_folder),
        "epochs": 20.0,
        "max_steps": 6,
        "length": 64,
        "step_tokens": 1024,
        "batch_tokens": 256,
        "learning_rate": 3e-3,
    }
    return PretrainSettings(**(values | changes))


def start(settings, out, *, resume=False, save_every=500):
    with process_group() as group:
        pretrain(settings, out, group, resume=resume, save_every=save_every, workers=0)


def weights(folder):
    return load_file(folder / "model.safetensors") | load_file(
        folder / "pretraining-heads.safetensors"
    )


def log_of(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_losses_are_those_of_the_definitions(tiny_bert, tokens_folder):
    """MLM against transformers; the boundary objective by the tied output embeddings."""
    settings = settings_for(tiny_bert, tokens_folder, dropout=0.0)
    vocabulary = Vocabulary.from_folder(tiny_bert)
    tokens = open_tokens(tokens_folder, vocabulary)
    torch.manual_seed(3)
    model = build_model(settings).eval()
    torch.nn.init.normal_(model.boundary_bias)
    batch = make_batch(tokens, vocabulary, settings, plan_epoch(tokens, settings, 0)[0])
    with torch.no_grad():
        sums = model(batch)
        ids = torch.from_numpy(batch.ids)
        mask = (torch.arange(ids.shape[1]) < torch.from_numpy(batch.lengths)[:, None]).long()
        labels = torch.full(ids.shape, -100)
        labels.view(-1)[torch.from_numpy(batch.masked)] = torch.from_numpy(batch.targets)
        theirs = model.base(input_ids=ids, attention_mask=mask, labels=labels)
        states = model.base.bert(input_ids=ids, attention_mask=mask).last_hidden_state.flatten(0, 1)
        words = model.base.bert.embeddings.word_embeddings.weight
        boundary = 0.0
        for left, right, offset, piece in batch.boundaries.tolist():
            state = model.boundary(states[[left]], states[[right]], torch.tensor([offset]))
            logits = state[0] @ words.T + model.boundary_bias
            boundary -= logits.log_softmax(0)[piece].item()
    assert sums.masked.item() == pytest.approx(theirs.loss.item() * len(batch.masked), rel=1e-4)
    assert sums.boundary.item() == pytest.approx(boundary, rel=1e-4)
    assert model.base.cls.predictions.decoder.weight is words


def test_it_learns_and_reports_losses_apart(tiny_bert, tokens_folder, tmp_path):
    settings = settings_for(
        tiny_bert, tokens_folder, max_steps=40, step_tokens=512, recurring=0.2, dropout=0.0
    )
    start(settings, tmp_path / "run")
    lines = log_of(tmp_path / "run")
    assert [line["step"] for line in lines] == [1, 10, 20, 30, 40]
    for name in ("mlm_loss", "boundary_loss", "selection_loss"):
        assert lines[-1][name] < lines[0][name]
    assert all(line["tokens_per_second"] > 0 for line in lines)
    assert all(0 < line["share_of_peak"] < 2 for line in lines)


def test_a_stopped_run_resumes_to_the_same_weights(tiny_bert, tokens_folder, tmp_path):
    settings = settings_for(tiny_bert, tokens_folder, recurring=0.3)
    start(settings, tmp_path / "whole", save_every=2)
    with stopped_after(5, run, "_step"):
        start(settings, tmp_path / "parts", save_every=2)
    start(settings, tmp_path / "parts", resume=True, save_every=2)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, rtol=0, atol=0)


def test_processes_share_out_the_batches_of_one(tiny_bert, tokens_folder):
    settings = settings_for(tiny_bert, tokens_folder)
    tokens = open_tokens(tokens_folder, Vocabulary.from_folder(tiny_bert))
    cpu = torch.device("cpu")

    def taken(rank, size, done):
        source = own_batches(tokens, settings, Group(rank, size, cpu), done, 0)
        return [batch.ids.tolist() for batch in islice(source, 16 // size)]

    alone = taken(0, 1, 0)
    first, second = taken(0, 2, 0), taken(1, 2, 0)
    assert [batch for pair in zip(first, second, strict=True) for batch in pair] == alone
    assert taken(0, 2, 2) == taken(0, 1, 2)[::2]
    assert taken(0, 1, 2)[:8] == alone[8:]


@pytest.mark.slow
def test_two_processes_give_the_weights_of_one(tiny_bert, tokens_folder, tmp_path):
    settings = settings_for(tiny_bert, tokens_folder, max_steps=3, dropout=0.1)
    values = {
        name: getattr(settings, name)
        for name in ("base", "tokens", "epochs", "max_steps", "length", "step_tokens",
                     "batch_tokens", "learning_rate", "dropout")
    }  # fmt: skip
    start(settings, tmp_path / "one")
    script = tmp_path / "run.py"
    script.write_text(RUN)
    root = str(Path(__file__).parent.parent.parent)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         str(script), json.dumps(values), str(tmp_path / "two")],
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": root},
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    base = load_file(tiny_bert / "model.safetensors")
    shared = [name for name in one if name in base]
    # Sums in another order differ in the last digits, which AdamW's first steps enlarge where
    # gradients are next to nothing: the way gone is compared, not each weight.
    apart = sum((two[name] - one[name]).square().sum() for name in shared).sqrt()
    gone = sum((one[name] - base[name]).square().sum() for name in shared).sqrt()
    assert apart < 0.01 * gone
    assert log_of(tmp_path / "two")[-1]["mlm_loss"] == pytest.approx(
        log_of(tmp_path / "one")[-1]["mlm_loss"], abs=2e-3
    )


def test_transformers_opens_the_checkpoint_and_training_goes_on(tiny_bert, tokens_folder, tmp_path):
    from transformers import AutoModelForMaskedLM, AutoModelForQuestionAnswering, AutoTokenizer

    settings = settings_for(tiny_bert, tokens_folder)
    start(settings, tmp_path / "run")
    theirs = AutoModelForMaskedLM.from_pretrained(tmp_path / "run").eval()
    assert AutoTokenizer.from_pretrained(tmp_path / "run").mask_token == "[MASK]"
    ours = build_model(replace(settings, base=str(tmp_path / "run"), dropout=0.0)).eval()
    ids = torch.randint(5, 40, (2, 12), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(theirs(input_ids=ids).logits, ours.base(input_ids=ids).logits)
    saved = weights(tmp_path / "run")
    for name, value in ours.state_dict().items():
        if name.startswith("boundary"):
            torch.testing.assert_close(value, saved[name])
    # The reader's own heads, which the base had, are still there.
    reader = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "run")
    before = load_model(tiny_bert)
    torch.testing.assert_close(reader.qa_outputs.weight, before.base.qa_outputs.weight)
    key = "bert.encoder.layer.0.attention.self.query.weight"
    torch.testing.assert_close(reader.state_dict()[key], saved[key])


def test_random_weights_take_their_shape_from_a_configuration(tiny_bert, tokens_folder, tmp_path):
    config = json.loads((tiny_bert / "config.json").read_text())
    config |= {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}
    file = tmp_path / "shape.json"
    file.write_text(json.dumps(config))
    settings = settings_for(tiny_bert, tokens_folder, max_steps=1, config=str(file))
    start(settings, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "config.json").read_text())["hidden_size"] == 16
    start(replace(settings, config=None, base=str(tmp_path / "run")), tmp_path / "next")


def test_what_cannot_be_pretrained_is_refused(tiny_bert, tokens_folder, tmp_path):
    settings = settings_for(tiny_bert, tokens_folder, length=300, batch_tokens=512)
    with pytest.raises(InputError, match="at most 256 tokens"):
        start(settings, tmp_path / "long")
    small = settings_for(tiny_bert, tokens_folder, max_steps=1)
    start(small, tmp_path / "run")
    with pytest.raises(InputError, match="--resume"):
        start(small, tmp_path / "run")
    with pytest.raises(InputError, match="other settings"):
        start(replace(small, seed=99), tmp_path / "run", resume=True)


def test_operations_are_counted_as_by_hand(tiny_bert, tokens_folder):
    settings = settings_for(tiny_bert, tokens_folder, boundary=False)
    vocabulary = Vocabulary.from_folder(tiny_bert)
    tokens = open_tokens(tokens_folder, vocabulary)
    batch = make_batch(tokens, vocabulary, settings, plan_epoch(tokens, settings, 0)[0])
    config = build_model(settings).base.config
    products = 0
    for length in batch.lengths.tolist():
        for _ in range(config.num_hidden_layers):
            products += 4 * length * 32 * 32  # queries, keys, values, output
            products += 2 * length * 32 * 64  # feed-forward
            products += 2 * length * length * 32  # scores, weighted sums
    products += len(batch.masked) * 32 * (32 + config.vocab_size)
    assert step_operations(config, batch) == 3 * 2 * products
