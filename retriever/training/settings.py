"""The settings of training runs: of the encoder, and of an adapter of questions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EncoderTraining:
    """What a run is made of; stored beside every checkpoint, so that a resumed run is the same.

    `sources` are the files, or the corpus, that the examples come from. A batch has `batch`
    questions, each with one passage that answers it and up to `negatives` hard negatives; the
    device holds `chunk_tokens` of it at once (see `retriever.training.grad_cache`). Scores are
    divided by `temperature`. `teacher` names what scored the passages, if anything did, and
    `distil` weighs that loss.
    """

    base: str
    sources: tuple[str, ...]
    epochs: int = 1
    max_steps: int | None = None
    batch: int = 64
    negatives: int = 1
    temperature: float = 0.05
    learning_rate: float = 2e-5
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    dropout: float = 0.1
    chunk_tokens: int = 8192
    teacher: str = ""
    distil: float = 1.0
    seed: int = 13


@dataclass(frozen=True, slots=True)
class AdapterTraining:
    """What a run of `qa train adapter` is made of. Vectors' scores are divided by `temperature`.

    BM25's, from 0 to 1, weigh `lexical` at first; with 0 they are left out. Of what was learnt the
    share `strength` is taken (Wortsman et al. 2022, section 3: weights between those before and
    after stay better at what was not trained on). `encoder_learning_rate` and `dropout` are those
    of an encoder of questions.
    """

    epochs: int = 2
    batch: int = 128
    learning_rate: float = 5e-4
    encoder_learning_rate: float = 1e-4
    dropout: float = 0.1
    temperature: float = 0.05
    lexical: float = 3.0
    warmup: float = 0.06
    weight_decay: float = 0.01
    clip: float = 1.0
    strength: float = 1.0
    seed: int = 13
