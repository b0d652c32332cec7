"""What a sentence-transformers folder says of its model: pooling, length of vectors, prompts.

The files are those that `SentenceTransformer.save` writes; a folder without them is a plain BERT,
whose states are averaged and scaled to unit length.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encoder.checkpoint import read_json, read_object

MEAN, CLS = "mean", "cls"
_LEGACY = {"pooling_mode_cls_token": CLS, "pooling_mode_mean_tokens": MEAN}
_PASSAGE_PROMPTS = ("document", "passage", "corpus")  # in sentence-transformers' order
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class SentenceSettings:
    """How a model wants its texts, and what is made of its last states.

    `native` tells whether our own runtimes can do it; if not, sentence-transformers must.
    """

    max_length: int = _LONGEST
    pooling: str = MEAN
    normalize: bool = True
    question_prompt: str = ""
    passage_prompt: str = ""
    native: bool = True

    @property
    def plain(self) -> bool:
        """Whether vectors are those of a folder without settings, but for the length of texts."""
        return self == SentenceSettings(max_length=self.max_length)


def read_settings(folder: Path) -> SentenceSettings:
    """Read the settings of a folder.

    Raises:
        InputError: a file is damaged.
    """
    file = folder / "modules.json"
    modules = (read_json(file) if file.is_file() else None) or []
    kinds = {str(module.get("type", "")).rsplit(".", 1)[-1]: module for module in modules}
    overall = _object(folder / "config_sentence_transformers.json")
    pooling, whole_text = MEAN, True
    if "Pooling" in kinds:
        config = _object(folder / str(kinds["Pooling"].get("path", "")) / "config.json")
        pooling, whole_text = _pooling(config), bool(config.get("include_prompt", True))
    prompts = overall.get("prompts") or {}
    default = prompts.get(overall.get("default_prompt_name") or "") or ""
    passage = next((prompts[name] for name in _PASSAGE_PROMPTS if prompts.get(name)), default)
    # Without a Normalize module only a dot product would see the length of vectors.
    by_length = bool(modules) and "Normalize" not in kinds
    normalize = not (by_length and overall.get("similarity_fn_name") == "dot")
    native = (
        set(kinds) <= {"Transformer", "Pooling", "Normalize"}
        and all(not kinds[kind].get("path") for kind in kinds if kind == "Transformer")
        and (pooling == CLS or (pooling == MEAN and normalize))
        and (whole_text or not (passage or prompts.get("query")))
    )
    return SentenceSettings(
        _max_length(folder), pooling, normalize, prompts.get("query") or default, passage, native
    )


def titled(title: str, text: str) -> str:
    """Return a passage as models get to see it that were not trained with titles."""
    return f"{title}. {text}" if title else text


def _pooling(config: dict[str, Any]) -> str:
    """Return the one mode of pooling, or those that there are, which is none that we know."""
    if "pooling_mode" in config:
        return str(config["pooling_mode"])
    modes = [name for name, on in config.items() if name.startswith("pooling_mode_") and on is True]
    return _LEGACY.get(modes[0], modes[0]) if len(modes) == 1 else str(modes or MEAN)


def _max_length(folder: Path) -> int:
    """Return the model's own limit, from where older and newer versions of the library keep it."""
    own = _object(folder / "sentence_bert_config.json").get("max_seq_length")
    if isinstance(own, int):
        return own
    limits = [
        _object(folder / name).get(key)
        for name, key in (
            ("tokenizer_config.json", "model_max_length"),  # where there is none, a huge number
            ("config.json", "max_position_embeddings"),
        )
    ]
    return min((int(limit) for limit in limits if isinstance(limit, int | float)), default=_LONGEST)


def _object(file: Path) -> dict[str, Any]:
    return read_object(file) if file.is_file() else {}
