from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.load import default_folder
from indexing.errors import InputError
from reader import features
from reader.features import MAX_QUESTION, ReaderTokenizer

TOKENIZER = ReaderTokenizer.from_folder(default_folder())
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(TEXT)
def test_offsets_are_ranges_of_the_original_text(text):
    pieces = TOKENIZER.passages([text])[0]
    assert len(pieces.ids) == len(pieces.starts) == len(pieces.ends)
    assert np.all((pieces.starts >= 0) & (pieces.starts < pieces.ends) & (pieces.ends <= len(text)))
    assert np.all(np.diff(pieces.starts) >= 0)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Das Café liegt in Zürich.", "Zürich"),
        ("Cafe\u0301 Zu\u0308rich ist scho\u0308n", "Zu\u0308rich"),
        ("القاهرة عاصمة مصر", "مصر"),
        ("首都は東京です", "東"),
        ("a\u00a0b\u202fc 🤔 end", "end"),
    ],
)
def test_pieces_of_a_word_slice_back_to_it(text, word):
    pieces = TOKENIZER.passages([text])[0]
    start = text.index(word)
    inside = [
        (int(s), int(e))
        for s, e in zip(pieces.starts, pieces.ends, strict=True)
        if start <= s < start + len(word)
    ]
    assert text[inside[0][0] : inside[-1][1]] == word


@settings(max_examples=200)
@given(
    st.integers(0, 400),
    st.integers(0, 70),
    st.integers(0, 16),
    st.integers(100, 384),
    st.integers(0, 60),
)
def test_windows_cover_every_piece_in_order(size, question, title, longest, stride):
    passage = TOKENIZER.passages(["word " * size])[0]
    asked = np.arange(min(question, MAX_QUESTION), dtype=np.int32) + 1000
    named = np.arange(title, dtype=np.int32) + 2000
    windows = list(TOKENIZER.windows(asked, named, passage, longest, stride))
    covered = np.zeros(size, dtype=bool)
    for window in windows:
        assert len(window.ids) <= longest
        inside = window.ids[window.offset : window.offset + window.size]
        assert np.array_equal(inside, passage.ids[window.first : window.first + window.size])
        assert window.ids[0] == TOKENIZER.cls
        assert window.ids[window.segment - 1] == TOKENIZER.sep
        assert window.ids[-1] == TOKENIZER.sep
        covered[window.first : window.first + window.size] = True
    assert covered.all()
    assert bool(windows) == bool(size)


def test_one_window_when_it_fits():
    passage = TOKENIZER.passages(["word " * 50])[0]
    asked = TOKENIZER.question("who is it ?")
    assert len(list(TOKENIZER.windows(asked, TOKENIZER.title(""), passage, 384, 128))) == 1


def test_texts_are_tokenised_alike_whatever_they_stand_beside(monkeypatch):
    texts = ["one", "", "two words", "Größe\n\nthree", "a b c d"]
    alone = [TOKENIZER.passages([text])[0] for text in texts]
    monkeypatch.setattr(features, "_BLOCK", 2)
    for found, wanted in zip(TOKENIZER.passages(texts), alone, strict=True):
        for name in ("ids", "starts", "ends", "blocks", "inside"):
            np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))


def test_long_questions_are_cut():
    assert len(TOKENIZER.question("why " * 10_000)) == MAX_QUESTION


def test_cased_vocabulary_without_settings_stays_cased(tmp_path):
    """SpanBERT's folders hold vocab.txt and config.json only, and are cased."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Paris", "paris"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    assert ReaderTokenizer.from_folder(tmp_path).question("Paris").tolist() == [5]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    assert ReaderTokenizer.from_folder(tmp_path).question("Paris").tolist() == [6]


def test_other_tokenizers_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"tokenizer\.json"):
        ReaderTokenizer.from_folder(tmp_path)
    (tmp_path / "vocab.txt").write_text("<s>\n</s>\n[UNK]\n")
    with pytest.raises(InputError, match="BERT"):
        ReaderTokenizer.from_folder(tmp_path)
