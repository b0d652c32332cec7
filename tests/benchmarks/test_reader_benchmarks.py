"""The training benchmarks' own parts: the cut, the variants, the table, the stock recipe's rows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.reader_ablation import MEASURES, cut, table, variants
from benchmarks.training_speed import LENGTH, stock_features
from encoder.load import default_folder
from reader.features import ReaderTokenizer
from reader.training_data import load_squad


@pytest.fixture
def squad_file(tmp_path):
    paragraphs = []
    for n in range(40):
        text = f"Town {n} lies on the river Spree, {n} miles from Berlin."
        answer = {"text": "the river Spree", "answer_start": text.index("the river")}
        qas = [
            {"id": f"{n}.{i}", "question": f"Where is town {n}?", "answers": [answer]}
            for i in range(2)
        ]
        paragraphs.append({"context": text, "qas": qas})
    file = tmp_path / "squad.json"
    file.write_text(json.dumps({"data": [{"title": "Towns", "paragraphs": paragraphs}]}))
    return file


def test_training_and_development_share_no_context(squad_file, tmp_path):
    tokenizer = ReaderTokenizer.from_folder(default_folder())
    sets = [load_squad([file], tokenizer) for file in cut([squad_file], tmp_path, 30, 10)]
    train, held = ({c.text for c in data.contexts} for data in sets)
    assert not train & held
    assert [len(data.examples) for data in sets] == [30, 10]
    for data in sets:
        assert {e.answers for e in data.examples} == {("the river Spree",)}
    with pytest.raises(SystemExit, match="only"):
        cut([squad_file], tmp_path, 100, 10)


def test_each_variant_leaves_one_part_out(tmp_path):
    rows = variants(tmp_path / "base", tmp_path / "pretrained", tmp_path / "train.json", 1)
    full, bare = rows["full"], rows["without all"]
    seen = {
        "pretraining": lambda s: s.base,
        "negatives": lambda s: s.batches.negative_rate,
        "augmentation": lambda s: s.batches.augment,
        "relevance head": lambda s: s.lambda_cls,
    }
    assert set(rows) == {"full", "without all", *(f"without {name}" for name in seen)}
    for name in seen:
        for part, value in seen.items():
            changed = value(rows[f"without {name}"]) != value(full)
            assert changed == (part == name)
            assert value(bare) != value(full)
    assert "without pretraining" not in variants(tmp_path, None, tmp_path / "train.json", 1)


def test_the_table_tells_mean_spread_and_difference():
    full = {m: np.asarray([[100.0, 0.0], [100.0, 100.0]]) for m in MEASURES}
    other = {m: np.zeros((2, 2)) for m in MEASURES}
    lines = table({"full": full, "without all": other}).splitlines()
    assert "75.00 ± 35.36" in lines[1]
    assert "0.00 ± 0.00" in lines[2]
    assert "-75.00" in lines[2]


def test_stock_rows_point_at_the_answer():
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(default_folder())
    context = "word " * 500 + "the river Spree flows . " + "word " * 100
    answer = "river Spree"
    question = "what flows?"
    examples = [(question, context, answer, context.index(answer))]
    rows = stock_features(examples, default_folder(), full=True)
    assert len(rows) > 1
    assert {len(row["input_ids"]) for row in rows} == {LENGTH}
    held = [row for row in rows if row["start_positions"]]
    assert held
    for row in held:
        ids = row["input_ids"][row["start_positions"] : row["end_positions"] + 1]
        assert tokenizer.decode(ids) == "river spree"
