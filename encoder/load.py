"""Encoders by name: the bundled one, a folder, or a model of the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from encoder.checkpoint import read_object
from encoder.model_folder import model_folder
from encoder.protocol import TextEncoder
from encoder.question_adapter import read_adapter

DEFAULT = "default"


def default_folder() -> Path:
    """Return the folder of the bundled encoder."""
    return Path(__file__).parent / "spanqa-encoder"


def load_encoder(
    name: str = DEFAULT, device: str = "auto", precision: str = "auto", *, adapted: bool = True
) -> TextEncoder:
    """Load an encoder: `default`, a folder, or `OWNER/MODEL` of the Hugging Face hub.

    A folder is one that sentence-transformers wrote, a plain BERT checkpoint, or DPR's two towers
    (see `encoder.dpr`). Models other than BERT need sentence-transformers and run in its way.
    What its folder has for questions, an encoder of their own or an adapter, is used; the adapter
    not if `adapted` is false.

    Raises:
        InputError: there is no such encoder, or it is unusable.
    """
    folder = encoder_folder(name)
    encoder = _open(name, folder, device, precision)
    adapter = read_adapter(folder, encoder.dimension) if adapted else None
    if adapter is None:
        return encoder
    from encoder.question_side import QuestionSide

    return QuestionSide(encoder, lambda texts: adapter.apply(encoder.encode_questions(texts)))


def encoder_folder(name: str) -> Path:
    """Return the folder of an encoder; the hub's are fetched.

    Raises:
        InputError: there is no such encoder.
    """
    return default_folder() if name == DEFAULT else model_folder(name, "encoder", DEFAULT)


def _open(name: str, folder: Path, device: str, precision: str) -> TextEncoder:
    from encoder.dpr import has_two_towers, open_two_towers
    from encoder.question_side import open_with_questions
    from encoder.sentence_settings import read_settings

    if has_two_towers(folder):
        return open_two_towers(name, folder, device, precision)
    settings = read_settings(folder)
    if settings.native and _is_bert(folder):
        return open_with_questions(name, folder, device, precision, settings)
    from encoder.library import LibraryEncoder

    return LibraryEncoder(name, folder, device)


def _is_bert(folder: Path) -> bool:
    """Whether our runtimes know the model; a folder that is no checkpoint at all is theirs too."""
    file = folder / "config.json"
    config = read_object(file) if file.is_file() else {}
    kind, activation = config.get("model_type", "bert"), config.get("hidden_act", "gelu")
    return bool(kind == "bert" and activation == "gelu")
