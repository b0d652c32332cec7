"""Any cross-encoder of the transformers library as a scorer of passages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from encoder.checkpoint import read_object
from encoder.model_folder import model_folder
from encoder.sentence_settings import titled
from encoder.session import check_device, pick
from indexing.documents import Passage
from indexing.errors import InputError

READER = "reader"
_BATCH = 32
_LONGEST = 512


class CrossEncoder:
    """Scores question and passage read together; see `reranking.RelevanceScorer`. Safe to share."""

    def __init__(self, tokenizer: Any, model: Any, longest: int) -> None:
        self._tokenizer = tokenizer
        self._model = model
        self._longest = longest
        # The tokenizer keeps its settings of truncation and padding between calls.
        self._tokenizing = Lock()

    def score(
        self, questions: Sequence[str], passages: Sequence[Sequence[Passage]]
    ) -> list[list[float]]:
        """Return the model's logit for each passage of each question."""
        pairs = [
            (question, titled(passage.title, passage.text))
            for question, own in zip(questions, passages, strict=True)
            for passage in own
        ]
        # Texts of similar length together, so that padding costs little.
        order = sorted(range(len(pairs)), key=lambda number: len(pairs[number][1]))
        logits = [0.0] * len(pairs)
        for first in range(0, len(order), _BATCH):
            chosen = order[first : first + _BATCH]
            found = self._run([pairs[number] for number in chosen])
            for number, logit in zip(chosen, found, strict=True):
                logits[number] = logit
        rest = iter(logits)
        return [[next(rest) for _ in own] for own in passages]

    def _run(self, pairs: list[tuple[str, str]]) -> list[float]:
        import torch

        with self._tokenizing:
            inputs = self._tokenizer(
                [question for question, _ in pairs],
                [text for _, text in pairs],
                padding=True,
                truncation="longest_first",
                max_length=self._longest,
                return_tensors="pt",
            )
        with torch.inference_mode():
            logits = self._model(**inputs.to(self._model.device)).logits
        found: list[float] = logits[:, 0].float().tolist()
        return found


def cross_encoder_folder(name: str) -> Path:
    """Return the folder of a cross-encoder; the hub's are fetched.

    Raises:
        InputError: there is no such model.
    """
    return model_folder(name, "reranker", READER)


def load_cross_encoder(name: str, device: str = "auto", precision: str = "auto") -> CrossEncoder:
    """Load a cross-encoder with one output from a folder, or as `OWNER/MODEL` from the hub.

    It runs through torch: in bf16 where that is asked for or fast, else in fp32. Only safetensors
    are read.

    Raises:
        InputError: there is no such model, or it is no such cross-encoder.
    """
    folder = cross_encoder_folder(name)
    try:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
        from transformers.utils import logging
    except ImportError:
        raise InputError(
            f"reranker {name!r}: cross-encoders need torch and transformers: "
            "pip install 'spanqa[train]'"
        ) from None
    device, precision = pick(device, precision)
    check_device(device)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    _check(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            folder,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.bfloat16 if precision == "bf16" else torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder}: not a usable cross-encoder ({error})") from error
    if loading["missing_keys"]:
        missing = ", ".join(sorted(loading["missing_keys"])[:3])
        raise InputError(f"{folder}: not a cross-encoder: its weights lack {missing}")
    positions = getattr(model.config, "max_position_embeddings", _LONGEST)
    longest = min(_LONGEST, positions, tokenizer.model_max_length)
    return CrossEncoder(tokenizer, model.to(device).eval(), longest)


def _check(folder: Path) -> None:
    """Refuse a model that does not give one score, before its weights are read."""
    file = folder / "config.json"
    outputs = len(read_object(file).get("id2label") or (0, 1))
    if outputs != 1:
        raise InputError(
            f"{folder}: its model has {outputs} outputs; a cross-encoder that ranks has one"
        )
