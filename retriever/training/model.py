"""The encoder in torch: loaded from its folder, run with gradients, and written back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from encoder.checkpoint import WEIGHTS
from encoder.dpr import has_two_towers
from encoder.sentence_settings import CLS, SentenceSettings, read_settings
from encoder.training.dropout import set_dropout
from encoder.weights_file import write_weights
from indexing.errors import InputError

if TYPE_CHECKING:
    import torch

_LENGTH = "sentence_bert_config.json"
_LIBRARY = "sentence_transformers.models"


def trainable_settings(folder: Path) -> SentenceSettings:
    """Return what a folder says of its model.

    Raises:
        InputError: it is no BERT-type encoder with mean or [CLS] pooling and one tower.
    """
    if has_two_towers(folder):
        raise InputError(f"{folder}: encoders with two towers cannot be trained; give one with one")
    settings, config = read_settings(folder), folder / "config.json"
    if not config.is_file():
        raise InputError(f"{config}: not found; give an encoder's folder as --base")
    kind = json.loads(config.read_text(encoding="utf-8")).get("model_type")
    if kind != "bert" or not settings.native:
        raise InputError(
            f"{folder}: only BERT-type encoders with mean or [CLS] pooling can be trained"
        )
    return settings


def load_model(folder: Path, dropout: float) -> torch.nn.Module:
    """Load an encoder's BERT in fp32, ready to be trained.

    Raises:
        InputError: the folder holds no BERT.
    """
    import torch
    from transformers import BertModel
    from transformers.utils import logging as hf_logging

    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        model = BertModel.from_pretrained(
            folder, add_pooling_layer=False, attn_implementation="sdpa", dtype=torch.float32
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: not a BERT-type checkpoint ({error})") from error
    set_dropout(model, dropout)
    return model.train()


def embed(
    model: torch.nn.Module, ids: torch.Tensor, mask: torch.Tensor, settings: SentenceSettings
) -> torch.Tensor:
    """Return the vectors (rows, dimension), in fp32, of padded texts (rows, length)."""
    import torch

    states = model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
    if settings.pooling == CLS:
        vectors = states[:, 0]
    else:
        shares = mask[..., None].to(states.dtype)
        vectors = (states * shares).sum(1) / shares.sum(1)
    return torch.nn.functional.normalize(vectors, dim=1) if settings.normalize else vectors


def save_model(
    model: torch.nn.Module, source: Path, target: Path, settings: SentenceSettings, *, half: bool
) -> None:
    """Write an encoder folder that `qa index build` and sentence-transformers open alike.

    Tokenizer and settings are those of `source`; a plain BERT's are written out.
    """
    import torch

    target.mkdir(parents=True, exist_ok=True)
    for file in _settings_files(source):
        (target / file).parent.mkdir(exist_ok=True)
        shutil.copyfile(source / file, target / file)
    dtype = torch.float16 if half else torch.float32
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config |= {"architectures": ["BertModel"], "dtype": str(dtype).removeprefix("torch.")}
    config.pop("torch_dtype", None)
    _write(target / "config.json", config)
    if not (target / "modules.json").exists():
        _write_modules(target, settings)
    tensors = {
        name: tensor.detach().to("cpu", dtype).contiguous()
        for name, tensor in model.state_dict().items()
        if tensor.is_floating_point()
    }
    write_weights(tensors, target / WEIGHTS, {"format": "pt"})


def _settings_files(source: Path) -> list[Path]:
    """Return the tokenizer and the settings of an encoder folder, but for its configuration."""
    names = ["modules.json", "config_sentence_transformers.json", _LENGTH]
    names += ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"]
    found = [Path(name) for name in names if (source / name).is_file()]
    if (source / "modules.json").is_file():
        modules = json.loads((source / "modules.json").read_text(encoding="utf-8"))
        own = (Path(module["path"], "config.json") for module in modules if module.get("path"))
        found += [file for file in own if (source / file).is_file()]
    return found


def _write_modules(target: Path, settings: SentenceSettings) -> None:
    """Say of a plain BERT what `SentenceSettings` says of it: states averaged, unit length."""
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"{_LIBRARY}.{kind}"}
        for number, (path, kind) in enumerate(kinds.items())
    ]
    _write(target / "modules.json", modules)
    (target / "1_Pooling").mkdir(exist_ok=True)
    (target / "2_Normalize").mkdir(exist_ok=True)
    hidden = json.loads((target / "config.json").read_text(encoding="utf-8"))["hidden_size"]
    pooling = {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True}
    _write(target / "1_Pooling" / "config.json", pooling)
    if not (target / _LENGTH).exists():
        length = {"max_seq_length": settings.max_length, "do_lower_case": False}
        _write(target / _LENGTH, length)


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
