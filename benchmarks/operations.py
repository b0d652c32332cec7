"""What a BERT has to compute: the operations of its matrix products."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def bert_products(folder: Path, lengths: np.ndarray) -> float:
    """Return the floating-point operations of one forward pass over rows of these lengths."""
    config = json.loads((folder / "config.json").read_text())
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    weights = (4 * hidden * hidden + 2 * hidden * inner) * float(lengths.sum())
    attention = 2 * hidden * float((lengths.astype(np.float64) ** 2).sum())
    return 2.0 * config["num_hidden_layers"] * (weights + attention)
