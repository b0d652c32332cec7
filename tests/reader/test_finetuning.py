"""A run on a tiny model: it learns, it resumes exactly, and its checkpoint opens elsewhere."""

from __future__ import annotations

import json

import pytest
import torch

from encoder.training.state import rate_at
from indexing.documents import Passage
from indexing.errors import InputError
from reader import finetuning
from reader.finetuning import train
from reader.load import load_reader
from reader.model import load_model
from reader.optimizer import make_optimizer
from reader.train_settings import AugmentSettings, BatchSettings, EditRates, TrainSettings
from tests.stopping import stopped_after

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


def test_a_stopped_run_resumes_to_the_same_weights(tiny_bert, squad_file, tmp_path):
    edits = EditRates(0.2, 0.1, 0.1)
    settings = settings_for(
        tiny_bert,
        squad_file,
        epochs=2,
        dropout=0.2,
        batches=BatchSettings(questions=8, augment=AugmentSettings(edits, edits)),
    )
    train(settings, tmp_path / "whole", resume=False, save_every=4)
    with stopped_after(6, finetuning, "_step"):
        train(settings, tmp_path / "parts", resume=False, save_every=4)
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


def scripted(scores):
    """Return an evaluation that gives these scores, one after the other."""
    left = iter(scores)

    def evaluate(held, reader):
        assert held.examples
        return next(left)

    return evaluate


def history(out):
    return [json.loads(line) for line in (out / "development.jsonl").read_text().splitlines()]


def test_the_best_checkpoint_is_kept_and_the_run_stops_early(tiny_bert, squad_file, tmp_path):
    settings = settings_for(
        tiny_bert, squad_file, epochs=20, development=0.2, patience=2, evaluate_every=3
    )
    out = tmp_path / "run"
    scores = [1.0, 5.0, 9.0, 8.0, 9.0, 99.0]
    train(settings, out, resume=False, evaluate=scripted(scores))
    assert [(one["step"], one["f1"]) for one in history(out)] == [
        (0, 1.0), (3, 5.0), (6, 9.0), (9, 8.0), (12, 9.0),
    ]  # fmt: skip
    whole = settings_for(
        tiny_bert, squad_file, epochs=20, development=0.2, patience=9, evaluate_every=3
    )
    # The same run, its best at step 6 for another reason: the weights must be those of step 6.
    train(whole, tmp_path / "other", resume=False, evaluate=scripted([0.0, 0.0, 1.0, *[0.0] * 99]))
    same(out, tmp_path / "other")


def test_a_run_that_never_gains_leaves_the_base_as_it_was(tiny_bert, squad_file, tmp_path):
    settings = settings_for(tiny_bert, squad_file, development=0.2, patience=1, evaluate_every=1)
    train(settings, tmp_path / "run", resume=False, evaluate=scripted([50.0, 40.0]))
    before = load_model(tiny_bert).state_dict()
    for name, tensor in load_model(tmp_path / "run").state_dict().items():
        if name.startswith("base."):
            torch.testing.assert_close(tensor, before[name].half().float())


def test_a_stopped_run_chooses_as_the_whole_one(tiny_bert, squad_file, tmp_path, monkeypatch):
    settings = settings_for(
        tiny_bert, squad_file, epochs=3, development=0.2, patience=3, evaluate_every=2
    )
    real = finetuning.Selection.record

    def dying(self, step):
        if step == 6:
            raise KeyboardInterrupt
        return real(self, step)

    def evaluate(held, reader):
        state = reader._session._model.state_dict()
        return float(sum(tensor.double().sum() for tensor in state.values()) % 7)

    train(settings, tmp_path / "whole", resume=False, save_every=3, evaluate=evaluate)
    monkeypatch.setattr(finetuning.Selection, "record", dying)
    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path / "parts", resume=False, save_every=3, evaluate=evaluate)
    monkeypatch.setattr(finetuning.Selection, "record", real)
    train(settings, tmp_path / "parts", resume=True, save_every=3, evaluate=evaluate)
    assert history(tmp_path / "parts") == history(tmp_path / "whole")
    same(tmp_path / "parts", tmp_path / "whole")


def same(first, second):
    others = load_model(second).state_dict()
    for name, tensor in load_model(first).state_dict().items():
        torch.testing.assert_close(tensor, others[name], rtol=0, atol=0)


def test_nothing_to_choose_by_is_an_error(tiny_bert, squad_file, tmp_path):
    settings = settings_for(tiny_bert, squad_file, development=0.0, patience=2)
    with pytest.raises(InputError, match="--development-file"):
        train(settings, tmp_path / "run", resume=False, evaluate=scripted([]))


def with_long_answers(squad_file, tmp_path, every):
    """Write the questions again, each `every`th with an answer of the whole of a long paragraph."""
    data = json.loads(squad_file.read_text())
    for number, paragraph in enumerate(data["data"][0]["paragraphs"]):
        if number % every == 0:
            paragraph["context"] = "paris " * 400
            paragraph["qas"][0]["answers"] = [{"text": "paris " * 400, "answer_start": 0}]
    file = tmp_path / "long.json"
    file.write_text(json.dumps(data))
    return file


@pytest.mark.parametrize(
    "changes", [{"files": "empty"}, {"files": "long"}, {"development": 1.0}], ids=str
)
def test_a_run_without_a_question_to_train_on_is_an_error(tiny_bert, squad_file, tmp_path, changes):
    empty = tmp_path / "empty.json"
    empty.write_text(json.dumps({"data": []}))
    files = {"empty": empty, "long": with_long_answers(squad_file, tmp_path, 1)}
    if "files" in changes:
        changes = {"files": (str(files[changes["files"]]),)}
    with pytest.raises(InputError, match="no question to train on"):
        train(settings_for(tiny_bert, squad_file, **changes), tmp_path / "run", resume=False)
    assert not (tmp_path / "run").exists()


def test_steps_are_those_of_the_questions_that_are_trained_on(tiny_bert, squad_file, tmp_path):
    """With long answers among them, the last step is measured, and its weights are kept."""
    file = with_long_answers(squad_file, tmp_path, 2)
    settings = settings_for(
        tiny_bert, squad_file, files=(str(file),), epochs=1, patience=1,
        development_file=str(squad_file),
    )  # fmt: skip
    out = tmp_path / "run"
    train(settings, out, resume=False, evaluate=scripted([1.0, 5.0]))
    assert [one["step"] for one in history(out)] == [0, 4]
    last = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 4


def test_layers_have_falling_rates_and_heads_their_own(tiny_bert, squad_file):
    settings = settings_for(
        tiny_bert, squad_file, learning_rate=1e-3, layer_decay=0.5, weight_decay=0.1
    )
    model = load_model(tiny_bert)
    found = {}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for group in make_optimizer(model, settings).param_groups:
        for parameter in group["params"]:
            found[names[id(parameter)]] = (group["peak"], group["weight_decay"])
    assert found["base.bert.encoder.layer.1.output.dense.weight"] == (1e-3, 0.1)
    assert found["base.bert.encoder.layer.0.output.dense.weight"] == (5e-4, 0.1)
    assert found["base.bert.embeddings.position_embeddings.weight"] == (2.5e-4, 0.1)
    assert found["base.bert.encoder.layer.0.output.dense.bias"] == (5e-4, 0.0)
    assert found["base.qa_outputs.weight"] == (3e-3, 0.1)
    assert found["relevance.bias"] == (3e-3, 0.0)
    assert "base.bert.embeddings.word_embeddings.weight" not in found
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == set(found)
