"""The span model: a BERT-type encoder with a span head and a relevance head, in torch.

This is the reference that the fast paths are tested against, and what is trained. A checkpoint is
a Hugging Face folder that `transformers.AutoModelForQuestionAnswering` opens; the relevance head
stands beside it in the same file.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from encoder.checkpoint import WEIGHTS
from encoder.weights_file import write_weights
from indexing.errors import InputError

if TYPE_CHECKING:
    import torch

RELEVANCE = "relevance"


def load_model(folder: Path) -> torch.nn.Module:
    """Load a reader or a bare encoder; heads that the checkpoint lacks start at random.

    The module's forward takes `input_ids`, `token_type_ids` and `attention_mask`, each int64 of
    shape (rows, length), and returns start logits (rows, length), end logits (rows, length) and
    relevance logits (rows,).
    """
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForQuestionAnswering
    from transformers.utils import logging as hf_logging

    class SpanModel(torch.nn.Module):
        def __init__(self, base: torch.nn.Module) -> None:
            super().__init__()
            self.base = base
            self.relevance = torch.nn.Linear(base.config.hidden_size, 1)
            torch.nn.init.normal_(self.relevance.weight, std=0.02)
            torch.nn.init.zeros_(self.relevance.bias)

        def forward(
            self,
            input_ids: torch.Tensor,
            token_type_ids: torch.Tensor,
            attention_mask: torch.Tensor,
        ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            states = self.base.base_model(
                input_ids=input_ids, token_type_ids=token_type_ids, attention_mask=attention_mask
            ).last_hidden_state  # (rows, length, hidden)
            start, end = self.base.qa_outputs(states).float().unbind(-1)
            return start, end, self.relevance(states[:, 0]).float().squeeze(-1)

    # Heads that a bare encoder lacks are expected here; transformers would warn of each.
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        base = AutoModelForQuestionAnswering.from_pretrained(
            folder, attn_implementation="sdpa", dtype=torch.float32
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: not a BERT-type checkpoint ({error})") from error
    model = SpanModel(base)
    weights = folder / "model.safetensors"
    if weights.exists():
        own = {k: v for k, v in load_file(weights).items() if k.startswith(RELEVANCE + ".")}
        if own:
            model.relevance.load_state_dict(
                {k.removeprefix(RELEVANCE + "."): v.float() for k, v in own.items()}
            )
    return model


def save_model(model: torch.nn.Module, source: Path, target: Path, *, half: bool) -> None:
    """Write a checkpoint folder: weights, configuration, and the tokenizer of `source`."""
    import torch

    target.mkdir(parents=True, exist_ok=True)
    dtype = torch.float16 if half else torch.float32
    tensors = dict(model.base.state_dict())
    tensors |= {f"{RELEVANCE}.{k}": v for k, v in model.relevance.state_dict().items()}
    tensors = {
        k: v.detach().to("cpu", dtype).contiguous()
        for k, v in tensors.items()
        if v.is_floating_point()
    }
    write_weights(tensors, target / WEIGHTS, {"format": "pt"})
    config = model.base.config.to_dict()
    config["architectures"] = [type(model.base).__name__]
    config["dtype"] = str(dtype).removeprefix("torch.")
    for private in [key for key in config if key.startswith("_")]:
        del config[private]
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        if (source / name).exists() and source != target:
            shutil.copyfile(source / name, target / name)
