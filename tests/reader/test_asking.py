"""Question writing: rows, attention and sampling by slow definitions, and a run that learns."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.checkpoint import WEIGHTS
from indexing.documents import Passage
from indexing.errors import InputError
from reader.asking import training
from reader.asking.model import load_writer, piece_logits, run_layers, target_mask
from reader.asking.sampling import SampleSettings, Special, _drawn, _next, _read, write_targets
from reader.asking.sequences import (
    LONGEST_TARGET,
    Pair,
    Styles,
    WriterData,
    place_of,
    source_ids,
    split_target,
)
from reader.asking.training import WriterSettings, collate, train_writer
from reader.asking.writer import QuestionWriter
from reader.features import ReaderTokenizer
from tests.stopping import stopped_after

CITIES = ["paris", "berlin"]
COUNTRIES = ["france", "germany"]


@pytest.fixture(scope="module")
def squad_file(tmp_path_factory):
    paragraphs = []
    for i in range(64):
        city, country = CITIES[i % 2], COUNTRIES[i // 2 % 2]
        text = f"{'which ' * (i % 5)}{city} is the capital of {country}"
        answers = [{"text": city, "answer_start": text.index(city)}]
        qas = [{"id": str(i), "question": f"what is the capital of {country}", "answers": answers}]
        paragraphs.append({"context": text, "qas": qas})
    file = tmp_path_factory.mktemp("data") / "train.json"
    file.write_text(json.dumps({"data": [{"title": "", "paragraphs": paragraphs}]}))
    return file


@pytest.fixture(scope="module")
def writer_folder(tiny_bert, squad_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("writer") / "run"
    settings = WriterSettings(
        str(tiny_bert), (str(squad_file),), epochs=24, rows=8, learning_rate=3e-3, dropout=0.0
    )
    train_writer(settings, out, resume=False)
    return out


def random_pairs(tokenizer: ReaderTokenizer, sizes: list[tuple[int, int]]) -> list[Pair]:
    draw = np.random.default_rng(3)
    return [
        Pair(draw.integers(5, 40, n).astype(np.int32), draw.integers(5, 40, m).astype(np.int32))
        for n, m in sizes
    ]


def special(tokenizer: ReaderTokenizer) -> Special:
    return Special(tokenizer.pad, tokenizer.sep, tokenizer.tokens()["[MASK]"])


def logits_of(model: torch.nn.Module, pairs: list[Pair], tokens: Special) -> list[torch.Tensor]:
    """Return each row's logits over its target, as training computes them."""
    batch = collate(pairs, tokens.pad, tokens.mask)
    target = batch.wanted.shape[1]
    source = batch.ids.shape[1] - 2 * target
    mask = target_mask(torch.from_numpy(batch.lengths), source, target)
    put = [torch.from_numpy(one) for one in (batch.ids, batch.positions, batch.segments)]
    with torch.no_grad():
        states = run_layers(model, *put, mask)[:, source + target :]
        return [piece_logits(model, states[i, : len(p.target)]) for i, p in enumerate(pairs)]


def test_a_piece_sees_the_passage_and_what_was_written_before_it():
    lengths, source, target = [3, 5], 6, 4
    mask = target_mask(torch.tensor(lengths), source, target)
    assert mask.shape == (2, 1, 14, 14)
    for row, length in enumerate(lengths):
        for query in range(14):
            for key in range(14):
                if key < source:
                    sees = key < length
                elif query < source:
                    sees = False
                else:
                    written, at = (query - source) < target, (query - source) % target
                    other = (key - source) % target
                    if (key - source) < target:
                        sees = other <= at if written else other < at
                    else:
                        sees = not written and other == at
                assert bool(mask[row, 0, query, key]) == sees


def test_layers_compute_what_transformers_does(tiny_bert):
    model = load_writer(tiny_bert).eval()
    ids = torch.randint(5, 40, (2, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[1, 6:] = False
    places = torch.arange(9).expand(2, 9)
    with torch.no_grad():
        theirs = model(input_ids=ids, attention_mask=mask.long()).logits
        square = mask[:, None, None].expand(2, 1, 9, 9)
        ours = piece_logits(model, run_layers(model, ids, places, torch.zeros_like(ids), square))
    torch.testing.assert_close(ours[mask], theirs[mask], rtol=1e-4, atol=1e-4)


def test_nothing_later_changes_a_piece(tiny_bert):
    tokenizer = ReaderTokenizer.from_folder(tiny_bert)
    model, tokens = load_writer(tiny_bert).eval(), special(tokenizer)
    (pair,) = random_pairs(tokenizer, [(12, 7)])
    (before,) = logits_of(model, [pair], tokens)
    other = pair.target.copy()
    other[4:] = 7
    (after,) = logits_of(model, [Pair(pair.source, other)], tokens)
    torch.testing.assert_close(after[:5], before[:5])
    assert not torch.allclose(after[5], before[5])


def test_writing_piece_by_piece_computes_what_training_does(tiny_bert):
    tokenizer = ReaderTokenizer.from_folder(tiny_bert)
    model, tokens = load_writer(tiny_bert).eval(), special(tokenizer)
    pairs = random_pairs(tokenizer, [(20, 6), (33, 9), (11, 6)])
    whole = logits_of(model, pairs, tokens)
    with torch.no_grad():
        cache, lengths = _read(model, [p.source for p in pairs], tokens, torch.device("cpu"))
        written = torch.full((3, LONGEST_TARGET), tokens.pad)
        for step in range(6):
            found = _next(model, cache, lengths, written, step, tokens)
            for row, pair in enumerate(pairs):
                torch.testing.assert_close(found[row], whole[row][step], rtol=1e-4, atol=1e-4)
                written[row, step] = int(pair.target[step])


def test_pieces_are_drawn_from_the_nucleus_alone():
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]])).expand(2000, 4)
    draw = torch.Generator().manual_seed(2)
    drawn = _drawn(logits, torch.full((2000,), 0.6), draw)
    counts = torch.bincount(drawn, minlength=4)
    assert counts[2:].sum() == 0
    assert abs(counts[0].item() / 2000 - 0.5 / 0.8) < 0.05
    assert set(_drawn(logits, torch.full((2000,), 0.01), draw).tolist()) == {0}


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(0, 9), st.integers(1, 3))
def test_an_answer_stands_where_it_is_said_to(ids, first, size):
    ids_ = np.asarray(ids, dtype=np.int32)
    places = np.arange(len(ids), dtype=np.int32)
    from reader.features import Pieces

    pieces = Pieces(ids_, places * 2, places * 2 + 1, places * 0, places < 0)
    answer = ids[first : first + size]
    wanted = None
    for i in range(len(ids) - len(answer) + 1):
        if answer and ids[i : i + len(answer)] == answer:
            wanted = (2 * i, 2 * (i + len(answer) - 1) + 1)
            break
    assert place_of(answer, pieces) == wanted


@settings(max_examples=50)
@given(st.lists(st.integers(1, 4), max_size=8))
def test_a_target_has_an_answer_and_a_question_that_end(pieces):
    found = split_target(pieces, 4)
    if found is None:
        ends = [i for i, piece in enumerate(pieces) if piece == 4]
        assert len(ends) < 2 or ends[0] == 0 or ends[1] == ends[0] + 1
    else:
        answer, question = found
        assert pieces[: len(answer) + len(question) + 2] == [*answer, 4, *question, 4]


def test_rows_hold_the_passage_its_answer_and_the_question(tiny_bert, squad_file):
    tokenizer = ReaderTokenizer.from_folder(tiny_bert)
    data = WriterData.load([squad_file], tokenizer)
    pairs = data.pairs(tokenizer, Styles(()), np.random.default_rng(0))
    assert len(pairs) == 64
    answer, question = split_target(pairs[2].target.tolist(), tokenizer.sep) or ([], [])
    assert tokenizer.text(answer) == "paris"
    assert tokenizer.text(question) == "what is the capital of germany"
    assert "paris is the capital of germany" in tokenizer.text(pairs[2].source.tolist())


def test_a_source_names_its_style_and_title(tiny_bert):
    tokenizer = ReaderTokenizer.from_folder(tiny_bert)
    passage = tokenizer.passages(["paris is"])[0].ids
    ids = source_ids(tokenizer, Styles((8, 9)), 1, "france", passage)
    france = tokenizer.title("france").tolist()
    assert ids.tolist() == [
        tokenizer.cls, 9, *france, tokenizer.sep, *passage.tolist(), tokenizer.sep,
    ]  # fmt: skip


def test_several_styles_need_words_of_their_own(tiny_bert):
    tokenizer = ReaderTokenizer.from_folder(tiny_bert)
    assert Styles.of(tokenizer, 1).ids == ()
    with pytest.raises(InputError, match="unused1"):
        Styles.of(tokenizer, 2)


def test_a_trained_writer_asks_for_what_stands_there(writer_folder):
    lines = [json.loads(line) for line in (writer_folder / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < 0.5 * lines[0]["loss"]
    writer = QuestionWriter.from_folder(writer_folder, "cpu")
    texts = [f"{city} is the capital of {land}" for city in CITIES for land in COUNTRIES]
    passages = [Passage(i, str(i), "", text, 0, len(text)) for i, text in enumerate(texts)]
    found = writer.write(passages, 0, seed=4)
    assert found == writer.write(passages, 0, seed=4)
    right = 0
    for passage, one in zip(passages, found, strict=True):
        if one is not None:
            assert passage.text[one.start : one.end]
            right += one.question == f"what is the capital of {passage.text.split()[-1]}"
    assert right >= 3


def test_what_is_written_ends(writer_folder):
    tokenizer = ReaderTokenizer.from_folder(writer_folder)
    model = load_writer(writer_folder).eval()
    passage = tokenizer.passages(["berlin is the capital of france"])[0].ids
    source = source_ids(tokenizer, Styles(()), 0, "", passage)
    targets = write_targets(model, [source] * 3, special(tokenizer), SampleSettings(0.01, 0.01), 1)
    assert targets[0] == targets[1] == targets[2]
    answer, question = split_target(targets[0], tokenizer.sep) or ([], [])
    assert set(targets[0][len(answer) + len(question) + 2 :]) <= {tokenizer.pad}


def test_a_stopped_run_resumes_to_the_same_weights(tiny_bert, squad_file, tmp_path):
    settings = WriterSettings(str(tiny_bert), (str(squad_file),), epochs=2, rows=8, dropout=0.2)
    train_writer(settings, tmp_path / "whole", resume=False, save_every=5)
    with stopped_after(8, training, "batch_loss"):
        train_writer(settings, tmp_path / "parts", resume=False, save_every=5)
    train_writer(settings, tmp_path / "parts", resume=True, save_every=5)
    whole = load_writer(tmp_path / "whole").state_dict()
    parts = load_writer(tmp_path / "parts").state_dict()
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, rtol=0, atol=0)


def test_all_who_may_read_its_configuration_may_read_its_weights(writer_folder):
    modes = {(writer_folder / name).stat().st_mode for name in ("config.json", WEIGHTS)}
    assert len(modes) == 1


def test_a_folder_without_a_writer_is_an_error(tiny_bert):
    with pytest.raises(InputError, match="qa train writer"):
        QuestionWriter.from_folder(tiny_bert)


def test_a_file_without_short_answers_is_an_error(tiny_bert, tmp_path):
    text = "paris is " * 40
    qa = {"id": "1", "question": "what", "answers": [{"text": text.strip(), "answer_start": 0}]}
    file = tmp_path / "long.json"
    file.write_text(json.dumps({"data": [{"paragraphs": [{"context": text, "qas": [qa]}]}]}))
    with pytest.raises(InputError, match="short answer"):
        WriterData.load([file], ReaderTokenizer.from_folder(tiny_bert))
