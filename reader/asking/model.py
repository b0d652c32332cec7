"""The question writer: a BERT encoder that writes, by UniLM's attention (Dong et al. 2019, 2.3).

A passage is read in both directions; what is written is masked, and each masked piece is told from
the passage and the pieces before it, by the masked-language-model head that pretraining left. In
training every piece has its mask beside it in one row (Bao et al. 2020, section 3.2), so that one
pass learns them all.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from encoder.training.dropout import set_dropout
from indexing.errors import InputError

if TYPE_CHECKING:
    import torch

    Share = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def load_writer(folder: Path, dropout: float = 0.0) -> torch.nn.Module:
    """Load a masked language model, or a writer, as transformers' BertForMaskedLM.

    Raises:
        InputError: the folder holds no BERT checkpoint.
    """
    import torch
    from transformers import BertForMaskedLM
    from transformers.utils import logging as hf_logging

    # Heads that a bare encoder lacks are expected here; transformers would warn of each.
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        model: torch.nn.Module = BertForMaskedLM.from_pretrained(folder, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: not a BERT checkpoint ({error})") from error
    set_dropout(model, dropout)
    return model


def run_layers(
    model: torch.nn.Module,
    ids: torch.Tensor,
    positions: torch.Tensor,
    segments: torch.Tensor,
    mask: torch.Tensor,
    shares: list[Share] | None = None,
) -> torch.Tensor:
    """Return hidden states (rows, length, hidden).

    `mask` is (rows, 1, length, keys), true where a piece sees a key. `shares` may put each layer's
    keys and values, (rows, heads, length, width), beside those of pieces that were run before.
    """
    bert = model.bert
    states = bert.embeddings(input_ids=ids, position_ids=positions, token_type_ids=segments)
    for number, layer in enumerate(bert.encoder.layer):
        states = _layer(layer, states, mask, shares[number] if shares else None)
    return states


def _layer(
    layer: torch.nn.Module, states: torch.Tensor, mask: torch.Tensor, share: Share | None
) -> torch.Tensor:
    import torch

    own = layer.attention.self
    query, key, value = (
        part(states).unflatten(-1, (own.num_attention_heads, -1)).transpose(1, 2)
        for part in (own.query, own.key, own.value)
    )
    if share is not None:
        key, value = share(key, value)
    mixed = torch.nn.functional.scaled_dot_product_attention(query, key, value, mask)
    states = layer.attention.output(mixed.transpose(1, 2).flatten(2), states)
    return layer.output(layer.intermediate(states), states)


def target_mask(lengths: torch.Tensor, source: int, target: int) -> torch.Tensor:
    """Return which piece sees which, (rows, 1, length, length), of rows of source, target, masks.

    `lengths` are those of the sources, (rows,), which are padded to `source` pieces; targets and
    their masks have `target` each.
    """
    import torch

    place = torch.arange(target, device=lengths.device)
    before = place[:, None] > place[None, :]
    same = place[:, None] == place[None, :]
    never = torch.zeros_like(same)
    written = torch.cat([before | same, never], 1)
    masked = torch.cat([before, same], 1)
    nothing = torch.zeros(source, 2 * target, dtype=torch.bool, device=lengths.device)
    later = torch.cat([nothing, written, masked])  # (length, 2 * target)
    read = torch.arange(source, device=lengths.device) < lengths[:, None]  # (rows, source)
    rows, length = len(lengths), source + 2 * target
    return torch.cat(
        [read[:, None].expand(rows, length, source), later.expand(rows, length, 2 * target)], 2
    )[:, None]


def piece_logits(model: torch.nn.Module, states: torch.Tensor) -> torch.Tensor:
    """Return logits over the vocabulary, (pieces, vocabulary), of states (pieces, hidden)."""
    logits: torch.Tensor = model.cls(states)
    return logits
