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
    rest to `max_pieces`; `negative_rate` of the questions bring `own_negatives` hard negative
    passages, as many as they have;
    `alter_rate` of them are altered so that their paragraph has no answer (`reader.altering`);
    `title_rate` of the rows keep the title that they have. A mined question has `passages` rows:
    one that holds an answer and hard negatives, as many as it has.
    """

    questions: int = 32
    max_pieces: int = 300
    crop_rate: float = 0.75
    crop_min: int = 60
    crop_max: int = 140
    negative_rate: float = 0.25
    own_negatives: int = 1
    alter_rate: float = 0.0
    title_rate: float = 0.7
    passages: int = 4
    augment: AugmentSettings = field(default_factory=AugmentSettings)


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What a run is made of; stored beside every checkpoint, so that a resumed run is the same.

    `development` is the share of the questions that is held out, in whole contexts or, with
    `whole_documents`, in whole documents, where there is no `development_file`; the seed of that
    split is its own, so that runs with other seeds are measured on the same questions. With
    `patience`, development F1 is measured every `evaluate_every` steps (None: every epoch), the
    best checkpoint is kept, and the run stops after so many measurements without a better one.
    `layer_decay` is the ratio of the learning rates of a layer and the one above. Of both losses
    `distil` is the share that is learnt from `teachers`, readers of the same tokenizer, and not
    from the labels; `temperature` softens what they say of spans.
    """

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
    layer_decay: float = 1.0
    lambda_span: float = 1.0
    lambda_cls: float = 0.5
    development: float = 0.02
    development_file: str | None = None
    whole_documents: bool = False
    split_seed: int = 13
    patience: int | None = None
    evaluate_every: int | None = None
    negatives: int = 4
    seed: int = 13
    teachers: tuple[str, ...] = ()
    distil: float = 0.5
    temperature: float = 2.0
    batches: BatchSettings = field(default_factory=BatchSettings)


FEW_SHOT = TrainSettings(
    base="",
    files=(),
    epochs=20,
    learning_rate=3e-5,
    head_learning_rate=3e-5,
    warmup=0.1,
    dropout=0.1,
    layer_decay=0.9,
    development=0.2,
    whole_documents=True,
    patience=4,
    batches=BatchSettings(questions=8),
)
"""For 50 to 500 labelled questions, from a reader: small steps, dropout, the best epoch kept."""
