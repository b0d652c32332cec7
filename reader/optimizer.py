"""The optimizer of fine-tuning: AdamW, with learning rates that fall from layer to layer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reader.train_settings import TrainSettings

if TYPE_CHECKING:
    import torch

_LAYER = re.compile(r"\.layer\.(\d+)\.")
_HEADS = ("base.qa_outputs", "relevance")


def make_optimizer(model: torch.nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    """Return AdamW (Loshchilov and Hutter 2019) without decay of biases and norms.

    Heads have a rate of their own. The last of L layers has the learning rate, each layer below
    `layer_decay` times that of the one above, the embeddings that of a layer below the first
    (Howard and Ruder 2018, section 3.2; Zhang et al. 2021, section 5).
    """
    import torch

    layers = 1 + max(
        (int(found[1]) for name, _ in model.named_parameters() if (found := _LAYER.search(name))),
        default=-1,
    )
    groups: dict[tuple[float, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if settings.freeze_words and name.endswith("word_embeddings.weight"):
            parameter.requires_grad = False
            continue
        peak = _peak(name, layers, settings)
        groups.setdefault((peak, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": peak,
                "peak": peak,
                "weight_decay": settings.weight_decay if decays else 0.0,
            }
            for (peak, decays), parameters in groups.items()
        ],
        fused=True,
    )


def _peak(name: str, layers: int, settings: TrainSettings) -> float:
    if name.startswith(_HEADS):
        return settings.head_learning_rate
    found = _LAYER.search(name)
    below = layers - 1 - int(found[1]) if found else layers
    return settings.learning_rate * settings.layer_decay**below
