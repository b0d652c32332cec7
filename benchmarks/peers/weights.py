"""The bundled checkpoints in the layouts and the precision that the peers open.

All systems get the same weights. The bundled files store them in half precision, which each
library widens or keeps as it likes; here they are fp32, so that no peer runs slow half-precision
arithmetic by accident. The values are those that SpanQA computes with.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {
        "idx": 2,
        "name": "2",
        "path": "2_Normalize",
        "type": "sentence_transformers.models.Normalize",
    },
]


def export_reader(source: Path, target: Path) -> Path:
    """Write a reader as a folder for transformers."""
    target.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: value.astype(np.float32) if np.issubdtype(value.dtype, np.floating) else value
        for name, value in load_file(source / "model.safetensors").items()
    }
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    for file in source.glob("tokenizer*"):
        shutil.copy(file, target)
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config["dtype"] = config["torch_dtype"] = "float32"
    _write(target / "config.json", config)
    return target


def export_encoder(source: Path, target: Path) -> Path:
    """Write an encoder as a folder for sentence-transformers: mean pooling, unit length."""
    export_reader(source, target)
    shutil.copy(source / "sentence_bert_config.json", target)
    dimension = json.loads((source / "config.json").read_text(encoding="utf-8"))["hidden_size"]
    _write(target / "modules.json", MODULES)
    _write(
        target / "1_Pooling" / "config.json",
        {"word_embedding_dimension": dimension, "pooling_mode_mean_tokens": True},
    )
    (target / "2_Normalize").mkdir(exist_ok=True)
    return target


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
