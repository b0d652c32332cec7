"""Trains an encoder of questions, which goes on from that of passages, with an adapter after it.

Word embeddings stay, so that both encoders share them.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from encoder.batching import pad
from encoder.checkpoint import WEIGHTS, WORDS
from encoder.question_adapter import QuestionAdapter
from encoder.question_side import QUESTION_ENCODER
from encoder.training.attention import fit_attention, half_precision
from encoder.weights_file import write_weights
from indexing.errors import InputError
from indexing.progress import Progress
from retriever.training.candidates import Candidates, Passages, fit
from retriever.training.model import embed, load_model, trainable_settings
from retriever.training.question_adapter import TrainableAdapter
from retriever.training.settings import AdapterTraining
from retriever.training.texts import TextPieces

if TYPE_CHECKING:
    import torch

_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt")


@dataclass(frozen=True, slots=True)
class QuestionEncoder:
    """A trained encoder of questions, but for its word embeddings, and the adapter after it."""

    tensors: Mapping[str, torch.Tensor]
    adapter: QuestionAdapter

    def save(self, folder: Path) -> None:
        """Write both into the folder of the encoder of passages, in half precision."""
        import torch

        target = folder / QUESTION_ENCODER
        target.mkdir(exist_ok=True)
        for name in _FILES:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, target / name)
        half = {name: value.to(torch.float16) for name, value in self.tensors.items()}
        write_weights(half, target / WEIGHTS, {"format": "pt"})
        self.adapter.save(folder)


def train_question_encoder(
    candidates: Candidates,
    passages: Passages,
    folder: Path,
    start: QuestionAdapter,
    settings: AdapterTraining,
    progress: Progress,
) -> QuestionEncoder:
    """Train the encoder of questions of a folder; if it has none, from that of passages.

    For the other arguments see `candidates.fit`.

    Raises:
        InputError: the encoder cannot be trained.
    """
    import torch

    torch.set_flush_denormal(True)
    torch.manual_seed(settings.seed)  # dropout
    sentence = trainable_settings(folder)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = _load(folder, settings.dropout).to(device)
    before = _tensors(model)
    fit_attention(model, device)
    model.get_parameter(WORDS).requires_grad_(requires_grad=False)
    texts = TextPieces(folder, sentence)
    rows = texts.questions(candidates.texts)
    adapter = TrainableAdapter(start, device)

    def vectors(chosen: NDArray[np.int64]) -> torch.Tensor:
        ids, mask = (
            torch.from_numpy(values).to(device, torch.long)
            for values in pad([rows[number] for number in chosen], texts.pad)
        )
        with half_precision(device):
            encoded = embed(model, ids, mask, sentence)
        return adapter.apply(encoded)

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        adapter.group(settings.learning_rate),
        {"params": trained, "lr": settings.encoder_learning_rate},
    ]
    fit(candidates, passages, vectors, groups, settings, progress)
    share = settings.strength
    tensors = {name: before[name].lerp(now, share) for name, now in _tensors(model).items()}
    return QuestionEncoder(tensors, start.towards(adapter.learnt(), share))


def _load(folder: Path, dropout: float) -> torch.nn.Module:
    from safetensors.torch import load_file

    model = load_model(folder, dropout)
    own = folder / QUESTION_ENCODER / WEIGHTS
    if own.is_file():
        missing, unknown = model.load_state_dict(load_file(own), strict=False)
        if unknown or set(missing) - {WORDS}:
            raise InputError(
                f"{own}: not an encoder of questions by `qa train adapter --whole`; remove it."
            )
    return model


def _tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return copies of all weights but the word embeddings."""
    return {
        name: value.detach().to("cpu", copy=True).contiguous()
        for name, value in model.state_dict().items()
        if value.is_floating_point() and name != WORDS
    }
