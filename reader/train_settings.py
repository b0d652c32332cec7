"""The settings of a training run."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EditRates:
    """The chance of each edit, for a word: see `reader.augmentation`."""

    replace: float = 0.0
    delete: float = 0.0
    insert: float = 0.0


@dataclass(frozen=True, slots=True)
class AugmentSettings:
    """How the words of questions, and those of contexts outside the answers, are edited."""

    question: EditRates = field(default_factory=EditRates)
    context: EditRates = field(default_factory=EditRates)

    @property
    def active(self) -> bool:
        """Whether anything is edited at all."""
        return self != AugmentSettings()


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How questions become rows.

    `crop_rate` of the gold paragraphs are cut to between `crop_min` and `crop_max` pieces, the
    rest to `max_pieces`; `negative_rate` of the questions bring one hard negative passage;
    `title_rate` of the rows keep the title that they have. A mined question has `passages` rows:
    one that holds an answer and hard negatives, as many as it has.
    """

    questions: int = 32
    max_pieces: int = 300
    crop_rate: float = 0.75
    crop_min: int = 60
    crop_max: int = 140
    negative_rate: float = 0.25
    title_rate: float = 0.7
    passages: int = 4
    augment: AugmentSettings = field(default_factory=AugmentSettings)


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What a run is made of; stored beside every checkpoint, so that a resumed run is the same."""

    base: str
    files: tuple[str, ...]
    epochs: int = 1
    max_steps: int | None = None
    learning_rate: float = 1.5e-4
    head_learning_rate: float = 5e-4
    warmup: float = 0.06
    weight_decay: float = 0.01
    clip: float = 1.0
    dropout: float = 0.0
    freeze_words: bool = True
    lambda_span: float = 1.0
    lambda_cls: float = 0.5
    development: float = 0.02
    negatives: int = 4
    seed: int = 13
    batches: BatchSettings = field(default_factory=BatchSettings)
