"""The model in pretraining: a BERT encoder, its masked-language-model head, and two more heads."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from encoder.training.dropout import set_dropout
from encoder.transfer import to_device
from encoder.weights_file import write_weights
from indexing.errors import InputError
from reader.pretraining.batches import LONGEST_TARGET, PretrainBatch
from reader.pretraining.objectives import boundary_head, selection_head, selection_loss
from reader.pretraining.settings import PretrainSettings

if TYPE_CHECKING:
    import torch

HEADS = "pretraining-heads.safetensors"
_HEADS = ("boundary", "boundary_bias", "selection")
_READING = ("qa_outputs.", "relevance.")
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "special_tokens_map.json",
)


@dataclass(frozen=True, slots=True)
class LossSums:
    """Sums of the negative log-likelihoods of a batch's targets, by objective; scalars."""

    masked: torch.Tensor
    boundary: torch.Tensor
    selection: torch.Tensor


def build_model(settings: PretrainSettings) -> torch.nn.Module:
    """Load the base checkpoint, or start from random weights by a configuration file.

    The heads that a checkpoint lacks start at random. The forward takes a `PretrainBatch` and
    returns `LossSums`.

    Raises:
        InputError: the base is no BERT checkpoint, or is too short for `settings.length`.
    """
    model = _span_bert(_load_base(settings))
    set_dropout(model, settings.dropout)
    if model.base.config.max_position_embeddings < settings.length:
        raise InputError(
            f"{settings.base} reads at most {model.base.config.max_position_embeddings} tokens; "
            f"choose a shorter --length than {settings.length}"
        )
    heads = Path(settings.base) / HEADS
    if heads.exists() and settings.config is None:
        _load_heads(model, heads)
    return model


def _load_base(settings: PretrainSettings) -> torch.nn.Module:
    import torch
    from transformers import BertConfig, BertForMaskedLM
    from transformers.utils import logging as hf_logging

    # Heads that a bare encoder lacks are expected here; transformers would warn of each.
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    folder = Path(settings.base)
    file = Path(settings.config) if settings.config else folder / "config.json"
    try:
        kind = json.loads(file.read_text(encoding="utf-8")).get("model_type", "bert")
        if kind != "bert":
            raise InputError(f"{file}: of type {kind!r}; pretraining takes BERT's type")
        values = {
            "attention_probs_dropout_prob": settings.dropout,
            "hidden_dropout_prob": settings.dropout,
            "attn_implementation": "sdpa",
        }
        if settings.config:
            config = BertConfig.from_json_file(file)
            for name, value in values.items():
                setattr(config, name, value)
            return BertForMaskedLM(config)
        return BertForMaskedLM.from_pretrained(folder, dtype=torch.float32, **values)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: not a BERT checkpoint ({error})") from error


def _span_bert(base: torch.nn.Module) -> torch.nn.Module:
    import torch

    class SpanBert(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            config = base.config
            self.base = base
            self.boundary = boundary_head(config.hidden_size, LONGEST_TARGET, config.layer_norm_eps)
            # The boundary objective has its own bias over the tied output embeddings.
            self.boundary_bias = torch.nn.Parameter(torch.zeros(config.vocab_size))
            self.selection = selection_head(config.hidden_size)

        def forward(self, batch: PretrainBatch) -> LossSums:
            device = self.boundary_bias.device
            states, mask = self._states(batch, device)
            flat = states.flatten(0, 1)
            put = {
                name: to_device(getattr(batch, name), device)
                for name in ("masked", "targets", "boundaries", "questions")
            }
            lm = self.base.cls.predictions
            zero = flat.new_zeros((), dtype=torch.float32)
            masked, sides, selection = zero, zero, zero
            if len(batch.masked):
                state = lm.transform(flat[put["masked"]])
                masked = self._entropy(state, lm.bias, put["targets"])
            if len(batch.boundaries):
                left, right, offsets, pieces = put["boundaries"].unbind(1)
                state = self.boundary(flat[left], flat[right], offsets)
                sides = self._entropy(state, self.boundary_bias, pieces)
            if len(batch.questions):
                rows, positions = put["questions"][:, 0], put["questions"][:, 1]
                start, end = self.selection(states, rows, positions)
                selection = selection_loss(start, end, put["questions"], mask[rows])
            return LossSums(masked, sides, selection)

        def _states(
            self, batch: PretrainBatch, device: torch.device
        ) -> tuple[torch.Tensor, torch.Tensor]:
            """Return hidden states (rows, length, hidden), and where there is no padding."""
            ids, lengths = to_device(batch.ids, device), to_device(batch.lengths, device)
            mask = torch.arange(ids.shape[1], device=device) < lengths[:, None]
            # Without padding no mask is passed: attention then takes its fastest kernel.
            whole = bool(np.all(batch.lengths == ids.shape[1]))
            states = self.base.bert(
                input_ids=ids, attention_mask=None if whole else mask.long()
            ).last_hidden_state
            return states, mask

        def _entropy(
            self, states: torch.Tensor, bias: torch.Tensor, pieces: torch.Tensor
        ) -> torch.Tensor:
            words = self.base.bert.embeddings.word_embeddings.weight  # tied with the output
            logits = torch.nn.functional.linear(states, words, bias)
            return torch.nn.functional.cross_entropy(logits.float(), pieces, reduction="sum")

    return SpanBert()


def _load_heads(model: torch.nn.Module, file: Path) -> None:
    from safetensors.torch import load_file

    try:
        model.load_state_dict({k: v.float() for k, v in load_file(file).items()}, strict=False)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{file}: not the heads of this checkpoint ({error})") from error


def save_checkpoint(model: torch.nn.Module, source: Path, target: Path) -> None:
    """Write a Hugging Face folder (BertForMaskedLM, fp32), and the further heads beside it.

    `qa train reader --base` and `transformers.AutoModel` open it. If `source` is a reader, its
    heads for reading stay as they are, so that fine-tuning goes on from them.
    """
    target.mkdir(parents=True, exist_ok=True)
    base = _reading_heads(source) | {
        name: value.detach().cpu().contiguous()
        for name, value in model.base.state_dict().items()
        if not name.startswith("cls.predictions.decoder.") and value.is_floating_point()
    }
    heads = {
        name: value.detach().cpu().contiguous()
        for name, value in model.state_dict().items()
        if name.startswith(_HEADS)
    }
    for name, tensors in (("model.safetensors", base), (HEADS, heads)):
        write_weights(tensors, target / name, {"format": "pt"})
    config = model.base.config.to_dict()
    config |= {"architectures": ["BertForMaskedLM"], "dtype": "float32"}
    config = {key: value for key, value in config.items() if not key.startswith("_")}
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for name in TOKENIZER_FILES:
        if (source / name).exists() and source != target:
            shutil.copyfile(source / name, target / name)


def _reading_heads(source: Path) -> dict[str, torch.Tensor]:
    from safetensors import safe_open

    file = source / "model.safetensors"
    if not file.exists():
        return {}
    with safe_open(file, "pt") as opened:
        names = [name for name in opened.keys() if name.startswith(_READING)]  # noqa: SIM118
        return {name: opened.get_tensor(name).float() for name in names}
