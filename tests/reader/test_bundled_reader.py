"""The checkpoint that ships: it answers, it is small, and other tools open it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from indexing.documents import Passage
from pipelines.bundled import data_folder
from pipelines.questions import load_reading
from reader.calibration import UNCALIBRATED, load_calibration
from reader.load import default_folder, load_reader
from reader.normalising import normalise_answer

FACTS = [
    (
        "The Eiffel Tower was completed in 1889 and stands in Paris.",
        "When was it completed?",
        "1889",
    ),
    (
        "Ada Lovelace worked with Charles Babbage on his engine.",
        "Who did Lovelace work with?",
        "Charles Babbage",
    ),
    (
        "The heart of an adult pumps about 5 litres of blood a minute.",
        "How much blood does the heart pump?",
        "about 5 litres",
    ),
]


def passage(text):
    return Passage(0, "d", "", text, 0, len(text))


@pytest.fixture(scope="module")
def examples():
    data = load_reading(data_folder() / "reading_sample.json")
    return [e for e in data.examples if e.answers][:40]


def best_answers(precision, examples):
    reader = load_reader(device="cpu", precision=precision).reader
    spans = reader.read([e.question for e in examples], [[passage(e.context)] for e in examples])
    return [own[0].text if own else "" for own in spans]


def test_plain_facts_are_read():
    reader = load_reader(device="cpu").reader
    spans = reader.read([q for _, q, _ in FACTS], [[passage(text)] for text, _, _ in FACTS])
    for own, (_, _, answer) in zip(spans, FACTS, strict=True):
        assert answer in own[0].text
        assert len(own[0].text) <= len(answer) + 12


def test_int8_answers_like_fp32(examples):
    same = [
        normalise_answer(a) == normalise_answer(b)
        for a, b in zip(best_answers("int8", examples), best_answers("fp32", examples), strict=True)
    ]
    assert np.mean(same) >= 0.85


def test_transformers_opens_it_with_the_same_answers(examples):
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    model = AutoModelForQuestionAnswering.from_pretrained(default_folder(), dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(default_folder())
    ours = best_answers("fp32", examples[:8])
    for example, answer in zip(examples[:8], ours, strict=True):
        encoded = tokenizer(
            example.question, example.context, return_tensors="pt", return_offsets_mapping=True
        )
        inside = np.array(encoded.sequence_ids(0)) == 1
        pairs = encoded.pop("offset_mapping")[0].numpy()
        with torch.no_grad():
            out = model.eval()(**encoded)
        start = np.where(inside, out.start_logits[0].numpy(), -np.inf)
        end = np.where(inside, out.end_logits[0].numpy(), -np.inf)
        band = np.triu(np.tril(np.ones((len(start), len(start)), dtype=bool), 29))
        scores = np.where(band, start[:, None] + end[None, :], -np.inf)
        i, j = np.unravel_index(np.argmax(scores), scores.shape)
        theirs = example.context[pairs[i][0] : pairs[j][1]]
        assert normalise_answer(theirs) == normalise_answer(answer)


def test_checkpoint_is_small_calibrated_and_documented():
    folder = default_folder()
    assert (folder / "model.safetensors").stat().st_size < 50_000_000
    assert load_calibration(folder) != UNCALIBRATED
    card = (folder / "README.md").read_text()
    for word in ("SQuAD", "Natural Questions", "TyDi", "seed", "Apache-2.0"):
        assert word in card
    record = json.loads((folder / "training.json").read_text())
    paragraphs, run = record["mean_of"]
    assert record["shares"] == [0.65, 0.35]
    assert (run["seed"], run["files"][0]) == (191, "organisations-mined.jsonl")
    searching, *runs = paragraphs["mean_of"]
    assert paragraphs["shares"] == [0.6, 0.15, 0.25]
    assert [run["seed"] for run in runs] == [111, 112]
    assert runs[1]["files"][0] == "paragraph_questions/train.json.gz"
    reader_before, *runs = searching["mean_of"]
    assert searching["shares"] == [0.5, 0.166, 0.167, 0.167]
    assert [run["seed"] for run in runs] == [91, 92, 93]
    assert all("search-mined.jsonl" in run["files"] for run in runs)
    wikipedia, documents = reader_before["mean_of"]
    assert reader_before["shares"] == [0.5, 0.5]
    assert (documents["seed"], documents["files"][0]) == (51, "handbook-mined.jsonl")
    cloze, first, second, before = wikipedia["mean_of"]
    last, soup = before["mean_of"]
    assert wikipedia["pretraining"]["recurring"] == 0.3
    assert wikipedia["shares"] == [0.3, 0.15, 0.15, 0.4]
    assert [run["seed"] for run in (*cloze["mean_of"], first, second)] == [61, 62, 63, 71, 72]
    assert (last["seed"], soup["shares"]) == (31, [0.45, 0.25, 0.3])
    assert [run["seed"] for run in soup["mean_of"][0]["mean_of"]] == [13, 14, 15]
