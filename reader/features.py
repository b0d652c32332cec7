"""Reader inputs: `[CLS] question [SEP] title [SEP] passage [SEP]`, in windows, with exact offsets.

The question has segment 0, title and passage segment 1, as in BERT (Devlin et al. 2019, section
4.2). Offsets of word pieces always index the original text; nothing is ever detokenised.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from encoder.checkpoint import read_object
from encoder.tokenizer_file import read_tokenizer
from indexing.errors import InputError
from reader.markup import breaks, joints, marks

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_QUESTION = 64
MAX_TITLE = 16
_BLOCK = 4096  # texts tokenised at once: the tokenizer's own notes take several times their pieces
MAX_HEAD = MAX_QUESTION + MAX_TITLE + 3  # with [CLS] and a [SEP] after each


@dataclass(frozen=True, slots=True)
class Pieces:
    """The word pieces of one text: `text[starts[i]:ends[i]]` is what piece `i` stands for.

    Markup has none (`reader.markup`). All arrays are int32 of shape (pieces,); offsets are in code
    points. `blocks` ascends where a paragraph or an item of a list ends; no answer goes on beyond.
    `inside` tells, as bool, which pieces go on with a name, so that none is cut.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    blocks: NDArray[np.int32]
    inside: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Window:
    """One row of model input.

    `ids` is int32 of shape (length,). Pieces `[first, first + size)` of the passage stand at row
    positions `[offset, offset + size)`. `segment` is the row position where segment 1 starts.
    """

    ids: NDArray[np.int32]
    segment: int
    offset: int
    first: int
    size: int


class ReaderTokenizer:
    """Word pieces with offsets from a checkpoint's own `tokenizer.json`, casing included."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.cls = self._special("[CLS]")
        self.sep = self._special("[SEP]")
        self.pad = self._special("[PAD]")
        self.continuations = _continuations(tokenizer)
        self._short = lru_cache(maxsize=4096)(self._encode_ids)

    @classmethod
    def from_folder(cls, folder: Path) -> ReaderTokenizer:
        """Load `tokenizer.json`, or build it from `vocab.txt` and the casing in the settings.

        Raises:
            InputError: the folder has neither, or a file is damaged.
        """
        file = folder / "tokenizer.json"
        if file.exists():
            return cls(read_tokenizer(file))
        vocabulary = folder / "vocab.txt"
        if not vocabulary.exists():
            raise InputError(f"{folder}: neither tokenizer.json nor vocab.txt is there")
        return cls(build_wordpiece(vocabulary, lowercase=_lowercases(folder)))

    def tokens(self) -> dict[str, int]:
        """Return the vocabulary: pieces as written in it, and their ids."""
        return dict(self._tokenizer.get_vocab(with_added_tokens=True))

    def text(self, ids: Sequence[int]) -> str:
        """Return pieces as words, as well as the vocabulary allows (lower-cased, if it is)."""
        return str(self._tokenizer.decode(list(ids)))

    def _special(self, token: str) -> int:
        number = self._tokenizer.token_to_id(token)
        if number is None:
            raise InputError(f"the tokenizer has no {token}: only BERT-type readers are supported")
        return int(number)

    def _encode_ids(self, text: str, limit: int) -> NDArray[np.int32]:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return np.asarray(encoding.ids[:limit], dtype=np.int32)

    def question(self, text: str) -> NDArray[np.int32]:
        """Return at most 64 pieces of the question; a longer one is cut, never refused."""
        return self._short(text, MAX_QUESTION)

    def title(self, text: str) -> NDArray[np.int32]:
        """Return at most 16 pieces of the title."""
        return self._short(text, MAX_TITLE)

    def passages(self, texts: Sequence[str]) -> list[Pieces]:
        """Tokenise passages."""
        found: list[Pieces] = []
        for start in range(0, len(texts), _BLOCK):
            block = texts[start : start + _BLOCK]
            encodings = self._tokenizer.encode_batch(list(block), add_special_tokens=False)
            found += (
                _pieces(text, encoding.ids, encoding.offsets)
                for text, encoding in zip(block, encodings, strict=True)
            )
        return found

    def windows(
        self,
        question: NDArray[np.int32],
        title: NDArray[np.int32],
        passage: Pieces,
        max_length: int,
        stride: int,
    ) -> Iterator[Window]:
        """Cut a passage into rows of at most `max_length` ids that overlap by `stride` pieces.

        A passage without pieces gives no row.
        """
        head = self.head(question, title)
        room = max_length - len(head) - 1
        step = max(1, room - stride)
        tail = np.asarray([self.sep], dtype=np.int32)
        first = 0
        while first < len(passage):
            size = min(room, len(passage) - first)
            ids = np.concatenate([head, passage.ids[first : first + size], tail])
            yield Window(ids, 2 + len(question), len(head), first, size)
            if first + size >= len(passage):
                return
            first += step

    def head(self, question: NDArray[np.int32], title: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return what stands before the passage's pieces."""
        parts = [[self.cls], question, [self.sep]]
        if len(title):
            parts += [title, [self.sep]]
        return np.concatenate([np.asarray(part, dtype=np.int32) for part in parts])


def _pieces(text: str, ids: list[int], offsets: list[tuple[int, int]]) -> Pieces:
    pairs = np.asarray(offsets, dtype=np.int32).reshape(-1, 2)
    starts, ends, kept = pairs[:, 0], pairs[:, 1], np.ones(len(ids), dtype=np.bool_)
    for begin, end in marks(text):
        # A mark's signs are pieces of their own, so that none lies across its bounds.
        kept[np.searchsorted(starts, begin) : np.searchsorted(starts, end)] = False
    blocks = np.searchsorted(np.array(breaks(text), dtype=np.int32), starts).astype(np.int32)
    own = np.asarray(ids, dtype=np.int32)
    at = np.array(joints(text), dtype=np.int32)
    inside = np.isin(starts, np.concatenate([at, at + 1]))
    return Pieces(own[kept], starts[kept], ends[kept], blocks[kept], inside[kept])


def _continuations(tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Tell for each id whether it goes on with a word ("##ing")."""
    flags = np.zeros(tokenizer.get_vocab_size(with_added_tokens=True), dtype=np.bool_)
    for token, number in tokenizer.get_vocab(with_added_tokens=True).items():
        flags[number] = token.startswith("##")
    return flags


def _lowercases(folder: Path) -> bool:
    """Tell whether the checkpoint was trained on lower-cased text; cased is the safe default."""
    file = folder / "tokenizer_config.json"
    if not file.exists():
        # SpanBERT's own folders have no tokenizer settings; its vocabulary is BERT's cased one.
        return False
    return bool(read_object(file).get("do_lower_case", False))


def build_wordpiece(vocabulary: Path, *, lowercase: bool) -> Tokenizer:
    """Return BERT's word-piece tokenizer for a `vocab.txt` (Devlin et al. 2019)."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.WordPiece.from_file(str(vocabulary), unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer
