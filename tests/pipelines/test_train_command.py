"""`qa train reader` and `qa calibrate` as commands, on a tiny model and corpus."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from pipelines import cli
from pipelines.commands.train_reader import read_settings
from pipelines.questions import load_reading
from reader.calibration import load_calibration
from reader.ranking import FEATURES
from reader.reordering import UNFITTED
from reader.rescoring import RESCORER
from reader.train_settings import FEW_SHOT, EditRates, TrainSettings

COUNTRIES = {"france": "paris", "germany": "berlin", "italy": "rome", "spain": "madrid"}


@pytest.fixture(scope="module")
def squad_file(tmp_path_factory):
    paragraphs = []
    for i in range(40):
        country, city = list(COUNTRIES.items())[i % 4]
        text = f"{'which ' * (i % 7)}{city} is the capital of {country}"
        answer = {"text": city, "answer_start": text.index(city)}
        qa = {"id": str(i), "question": f"what is the capital of {country}?", "answers": [answer]}
        paragraphs.append({"context": text, "qas": [qa]})
    file = tmp_path_factory.mktemp("train") / "train.json"
    file.write_text(json.dumps({"data": [{"title": "", "paragraphs": paragraphs}]}))
    return file


@pytest.fixture(scope="module")
def trained(tiny_bert, squad_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("reader") / "run"
    code = cli.main(
        ["train", "reader", str(squad_file), "--base", str(tiny_bert), "--out", str(out),
         "--epochs", "8", "--batch", "4", "--learning-rate", "0.003", "--seed", "1"]
    )  # fmt: skip
    assert code == 0
    return out


def test_training_leaves_a_checkpoint_and_its_settings(trained):
    assert (trained / "model.safetensors").stat().st_size > 0
    settings = json.loads((trained / "training.json").read_text())
    assert settings["batches"]["questions"] == 4
    assert settings["seed"] == 1


def test_calibration_is_stored_with_the_checkpoint_and_used(trained, tmp_path, capsys):
    corpus = tmp_path / "corpus.jsonl"
    questions = tmp_path / "questions.jsonl"
    with corpus.open("w") as documents, questions.open("w") as asked:
        for country, city in COUNTRIES.items():
            text = f"{city} is the capital of {country}"
            documents.write(json.dumps({"id": country, "title": country, "text": text}) + "\n")
        for i in range(60):
            country, city = list(COUNTRIES.items())[i % 4]
            wrong = i % 3 == 0
            answer = ["nowhere"] if wrong else [city]
            line = {"question": f"what is the capital of {country}?", "answer": answer}
            asked.write(json.dumps(line) + "\n")
    index = tmp_path / "index"
    assert cli.main(["index", "build", str(corpus), "--out", str(index), "--no-vectors"]) == 0
    capsys.readouterr()
    twice = tmp_path / "twice"
    shutil.copytree(trained, twice)
    shutil.copytree(trained, twice / RESCORER)
    code = cli.main(
        ["calibrate", str(questions), "--index", str(index), "--reader", str(trained), "--json"]
    )
    report = json.loads(capsys.readouterr().out)
    assert code == 0
    assert report["questions"] == 60
    assert report["mean_probability"] == pytest.approx(report["em"], abs=0.1)
    assert load_calibration(trained).threshold == report["threshold"]
    assert load_calibration(trained).reordering == UNFITTED
    asking = ["calibrate", str(questions), "--index", str(index), "--reader", str(twice)]
    assert cli.main([*asking, "--json"]) == 0
    capsys.readouterr()
    again = load_calibration(twice)
    assert again.ranking == load_calibration(trained).ranking
    assert again.reordering != UNFITTED
    assert again.logistic[FEATURES.index("again")] != 0


def test_too_few_questions_are_refused(trained, tmp_path, capsys):
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(json.dumps({"id": "x", "text": "paris is the capital of france"}))
    questions = tmp_path / "q.jsonl"
    questions.write_text(json.dumps({"question": "what?", "answer": ["paris"]}))
    index = tmp_path / "index"
    cli.main(["index", "build", str(corpus), "--out", str(index), "--no-vectors"])
    code = cli.main(["calibrate", str(questions), "--index", str(index), "--reader", str(trained)])
    assert code == 2
    assert "too few" in capsys.readouterr().err


def test_few_shot_holds_out_contexts_and_keeps_the_best(tiny_bert, squad_file, tmp_path, capsys):
    out = tmp_path / "few"
    code = cli.main(
        ["train", "reader", str(squad_file), "--base", str(tiny_bert), "--out", str(out),
         "--few-shot", "--epochs", "3", "--seeds", "2", "--learning-rate", "0.01"]
    )  # fmt: skip
    assert code == 0
    printed = capsys.readouterr().out
    assert "over 2 seeds" in printed
    summary = json.loads((out / "seeds.json").read_text())
    scores = []
    for seed in (13, 14):
        folder = out / f"seed-{seed}"
        settings = json.loads((folder / "training.json").read_text())
        assert (settings["patience"], settings["layer_decay"], settings["epochs"]) == (4, 0.9, 3)
        result = json.loads((folder / "development.json").read_text())
        steps = [json.loads(line) for line in (folder / "development.jsonl").open()]
        # The checkpoint stored (fp16) is the one that was best on the way.
        assert result["f1"] == pytest.approx(max(step["f1"] for step in steps), abs=1.0)
        assert result["n"] == summary["n"] == 8
        scores.append(result["f1"])
    assert summary["f1"]["mean"] == pytest.approx(sum(scores) / 2)
    assert summary["f1"]["sd"] == pytest.approx(abs(scores[0] - scores[1]) / 2**0.5)
    again = cli.main(
        ["train", "reader", str(squad_file), "--base", str(tiny_bert), "--out", str(out),
         "--few-shot", "--epochs", "3", "--seeds", "2", "--learning-rate", "0.01", "--resume"]
    )  # fmt: skip
    assert again == 0
    assert json.loads((out / "seeds.json").read_text())["f1"] == summary["f1"]


def test_options_are_settings():
    args = cli.make_parser().parse_args(
        ["train", "reader", "a.json", "--out", "x", "--few-shot", "--dropout", "0.3",
         "--augment-question", "0.1", "0.2", "0.3", "--batch", "4", "--patience", "9"]
    )  # fmt: skip
    settings = read_settings(args)
    assert settings.dropout == 0.3
    assert settings.patience == 9
    assert settings.epochs == FEW_SHOT.epochs
    assert settings.batches.questions == 4
    assert settings.batches.augment.question == EditRates(0.1, 0.2, 0.3)
    assert settings.batches.augment.context == EditRates()
    plain = read_settings(cli.make_parser().parse_args(["train", "reader", "a.json", "--out", "x"]))
    assert plain == replace(TrainSettings("", ("a.json",)), base=plain.base)


def test_altered_questions_have_no_answer_and_the_rest_stays(squad_file, tmp_path, capsys):
    out = tmp_path / "altered.json"
    text = "Rome grew. In 1200 Berlin was small, and later Paris was large."
    answer = {"text": "1200", "answer_start": 14}
    qas = [
        {"id": str(i), "question": "when was Berlin small?", "answers": [answer]} for i in range(40)
    ]
    source = tmp_path / "source.json"
    paragraph = {"context": text, "qas": qas}
    source.write_text(json.dumps({"data": [{"title": "", "paragraphs": [paragraph]}]}))
    assert cli.main(["train", "alter", str(source), "--out", str(out), "--share", "0.4"]) == 0
    written = json.loads(out.read_text())["data"][0]["paragraphs"][0]
    assert written["context"] == text
    altered = [qa for qa in written["qas"] if qa["is_impossible"]]
    kept = [qa for qa in written["qas"] if not qa["is_impossible"]]
    assert f"40 questions, {len(altered)} of them altered" in capsys.readouterr().out
    assert 5 < len(altered) < 30
    assert {qa["question"] for qa in altered} == {"when was Paris small?"}
    assert all(qa["answers"] == [] for qa in altered)
    assert {(qa["question"], qa["answers"][0]["answer_start"]) for qa in kept} == {
        ("when was Berlin small?", 14)
    }
    assert cli.main(["train", "alter", str(source), "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_questions_whose_answers_do_not_stand_there_are_not_altered(tmp_path, capsys):
    out, source = tmp_path / "altered.json", tmp_path / "source.jsonl"
    row = {"question": "when?", "context": "In 1200 Berlin was small."}
    rows = [{**row, "answers": answers} for answers in (["1200", "no"], ["1,200"], [" ", "small"])]
    source.write_text("\n".join(map(json.dumps, rows)))
    assert cli.main(["train", "alter", str(source), "--out", str(out), "--share", "0"]) == 0
    said = capsys.readouterr().out
    assert "2 questions, 0 of them altered; 1 left out" in said
    assert {e.id: e.answers for e in load_reading(out).examples} == {
        "0": ("1200",),
        "2": ("small",),
    }
    source.write_text(json.dumps(rows[1]))
    assert cli.main(["train", "alter", str(source), "--out", str(tmp_path / "none.json")]) == 2
    assert "stands in its context" in capsys.readouterr().err


def test_answerability_is_fitted_stored_and_used(trained, tmp_path, capsys):
    """Questions about another country than the passage's have no answer there."""
    qas = []
    for i in range(80):
        country, city = list(COUNTRIES.items())[i % 4]
        asked = country if i % 2 else list(COUNTRIES)[(i + 1) % 4]
        answers = [{"text": city, "answer_start": 0}] if i % 2 else []
        qa = {"id": str(i), "question": f"what is the capital of {asked}?", "answers": answers}
        qas.append({"context": f"{city} is the capital of {country}", "qas": [qa]})
    file = tmp_path / "second.json"
    file.write_text(json.dumps({"data": [{"title": "", "paragraphs": qas}]}))
    before = load_calibration(trained)
    code = cli.main(["calibrate", "--reading", str(file), "--reader", str(trained), "--json"])
    assert code == 0
    report = json.loads(capsys.readouterr().out)
    assert report["questions"] == 80
    assert report["answered"] == 0.5
    after = load_calibration(trained)
    assert after.answerable != before.answerable
    assert replace(after, answerable=before.answerable) == before
    stored = json.loads((trained / "calibration.json").read_text())
    assert stored["notes"]["reading"]["accuracy"] == report["accuracy"]
    new = tmp_path / "not" / "there"
    assert cli.main(["calibrate", "--reading", str(file), "--reader", str(trained),
                     "--out", str(new)]) == 0  # fmt: skip
    capsys.readouterr()
    assert load_calibration(new) == after
    assert (new / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()
    scores = {}
    for least in ("0", "1"):
        arguments = ["eval", "reading", str(file), "--reader", str(trained), "--json"]
        assert cli.main([*arguments, "--null-threshold", least]) == 0
        scores[least] = json.loads(capsys.readouterr().out)
    assert scores["0"]["no_answer"]["exact_match"] == 0
    assert scores["1"]["no_answer"]["exact_match"] == 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give development questions"),
        (["q.jsonl"], "add --index"),
        (["q.jsonl", "--index", "idx"], "the bundled reader stays as it is: add --out"),
        (["q.jsonl", "--index", "idx", "--reader", "default"], "the bundled reader stays as it is"),
    ],
)
def test_calibrate_says_what_is_missing(arguments, message, capsys):
    assert cli.main(["calibrate", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_calibration_on_several_corpora(trained, tmp_path, capsys):
    """One corpus answers its questions, another does not: both are told apart and reported."""
    questions = tmp_path / "questions.jsonl"
    asked = [
        {"question": f"what is the capital of {country}?", "answer": [city]}
        for country, city in COUNTRIES.items()
    ]
    questions.write_text("".join(json.dumps(asked[i % 4]) + "\n" for i in range(60)))
    answers = {c: f"{city} is the capital of {c}" for c, city in COUNTRIES.items()}
    others = {c: f"{c} is the which of {c}" for c in COUNTRIES}
    for name, texts in (("right", answers), ("other", others)):
        corpus = tmp_path / f"{name}.jsonl"
        lines = [json.dumps({"id": c, "title": "", "text": text}) for c, text in texts.items()]
        corpus.write_text("\n".join(lines) + "\n")
        code = cli.main(
            ["index", "build", str(corpus), "--out", str(tmp_path / name), "--no-vectors"]
        )
        assert code == 0
    capsys.readouterr()
    arguments = ["calibrate", str(questions), "--index", str(tmp_path / "right"),
                 "--also", str(tmp_path / "other"), str(questions),
                 "--reader", str(trained)]  # fmt: skip
    assert cli.main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    right, other = report["sources"]
    assert report["questions"] == 120
    assert right["questions"] == other["questions"] == 60
    assert other["em"] == 0
    assert right["em"] > 0.5
    assert right["mean_probability"] > other["mean_probability"] + 0.2
    notes = json.loads((trained / "calibration.json").read_text())["notes"]
    assert notes["asking"]["sources"] == report["sources"]
    assert cli.main(arguments) == 0
    assert "questions.jsonl of other: 60 questions, EM 0.0" in capsys.readouterr().out
    # A corpus in which nothing at all is found for its questions is no hindrance.
    silent = tmp_path / "silent.jsonl"
    silent.write_text(json.dumps({"question": "zzz", "answer": ["paris"]}) + "\n")
    assert cli.main([*arguments, "--also", str(tmp_path / "right"), str(silent)]) == 0


def test_a_failed_start_leaves_nothing(tiny_bert, squad_file, tmp_path, capsys):
    """A mended file trains without --resume, and in the same folder."""
    file, out = tmp_path / "labels.json", tmp_path / "run"
    good = squad_file.read_text()
    file.write_text(good.replace('"answer_start": 0', '"answer_start": 3', 1))
    for kind in ("reader", "writer"):
        arguments = ["train", kind, str(file), "--base", str(tiny_bert), "--out", str(out)]
        assert cli.main(arguments) == 2
        assert "does not stand at offset 3" in capsys.readouterr().err
        assert not out.exists()
    file.write_text(good)
    arguments = ["train", "reader", str(file), "--base", str(tiny_bert), "--out", str(out)]
    assert cli.main([*arguments, "--max-steps", "1"]) == 0


@pytest.mark.parametrize("seed", ["-1", str(2**24), "x"])
@pytest.mark.parametrize(
    "command",
    [
        ["train", "reader", "a.json", "--out", "x"],
        ["train", "retriever", "a.json", "--out", "x"],
        ["train", "writer", "a.json", "--base", "x", "--out", "x"],
        ["train", "questions", "--index", "x", "--writer", "x", "--out", "x"],
        ["train", "cloze", "--index", "x", "--out", "x"],
        ["train", "alter", "a.json", "--out", "x"],
        ["train", "adapter", "a.jsonl", "--index", "x", "--out", "x"],
        ["train", "rescorer", "a.jsonl", "--index", "x", "--out", "x"],
        ["pretrain", "a.txt"],
    ],
)
def test_a_seed_too_large_or_negative_is_refused(command, seed, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.make_parser().parse_args([*command, "--seed", seed])
    assert stop.value.code == 2
    assert "from 0 to 16777215" in capsys.readouterr().err
    assert cli.make_parser().parse_args([*command, "--seed", str(2**24 - 1)]).seed == 2**24 - 1


def test_several_seeds_must_all_be_small_enough(squad_file, tmp_path, capsys):
    arguments = ["train", "reader", str(squad_file), "--out", str(tmp_path / "run")]
    assert cli.main([*arguments, "--seed", str(2**24 - 2), "--seeds", "3"]) == 2
    assert "beyond 16777215" in capsys.readouterr().err


def test_the_largest_seed_trains(tiny_bert, squad_file, tmp_path):
    out = str(tmp_path / "run")
    arguments = ["train", "reader", str(squad_file), "--base", str(tiny_bert), "--out", out]
    assert cli.main([*arguments, "--seed", str(2**24 - 1), "--max-steps", "1"]) == 0
