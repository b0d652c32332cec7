"""Training speed: `qa train reader` beside the stock recipe of transformers, in one run.

Both train the same base on the same questions, in the same precision and on the same threads or
GPU. The stock recipe is that of transformers' question-answering example: rows of 384 tokens with
a stride of 128, padded to the full length, `Trainer` with its own defaults; "stock, dynamic"
pads only to the longest row of a batch. Ours is measured twice: on the same work (every
paragraph whole, one row a question) and as the recipe is (crops, hard negatives). Rounds take
turns, so that whatever else the machine does hits all alike; each figure is the median.

    pip install accelerate
    python benchmarks/training_speed.py SQUAD_FILE [--base FOLDER] [--steps 60] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from encoder.load import default_folder
from encoder.training.attention import uses_bf16
from reader.finetuning import train
from reader.train_settings import BatchSettings, TrainSettings
from reader.training_data import load_squad

LENGTH, STRIDE = 384, 128
WARM_UP = 2


def stock_features(examples, folder: Path, *, full: bool) -> list[dict[str, list[int]]]:
    """Make the rows of the stock recipe; answers outside a row point at [CLS]."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    features = []
    for question, context, answer, start in examples:
        encoded = tokenizer(
            question,
            context,
            truncation="only_second",
            max_length=LENGTH,
            stride=STRIDE,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            padding="max_length" if full else False,
        )
        for row, offsets in enumerate(encoded["offset_mapping"]):
            sequence = encoded.sequence_ids(row)
            inside = [
                i
                for i, (a, b) in enumerate(offsets)
                if sequence[i] == 1 and b > start and a < start + len(answer)
            ]
            whole = inside and offsets[inside[0]][0] <= start
            whole = whole and offsets[inside[-1]][1] >= start + len(answer)
            features.append(
                {name: encoded[name][row] for name in ("input_ids", "token_type_ids")}
                | {
                    "attention_mask": encoded["attention_mask"][row],
                    "start_positions": inside[0] if whole else 0,
                    "end_positions": inside[-1] if whole else 0,
                }
            )
    return features


def stock_speed(features, per_question: float, folder: Path, batch: int, steps: int) -> float:
    """Return the questions a second of the stock trainer, without its first steps."""
    import torch
    from transformers import (
        AutoModelForQuestionAnswering,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    class Clock(TrainerCallback):
        times: list[float] = []  # noqa: RUF012 - one run at a time

        def on_step_end(self, *_, **__) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.times.append(time.perf_counter())

    clock = Clock()
    clock.times.clear()
    cuda = torch.cuda.is_available()
    with tempfile.TemporaryDirectory() as out:
        trainer = Trainer(
            AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32),
            TrainingArguments(
                out,
                per_device_train_batch_size=batch,
                max_steps=steps + WARM_UP,
                learning_rate=3e-5,
                bf16=uses_bf16(torch.device("cuda" if cuda else "cpu")),
                use_cpu=not cuda,
                report_to=[],
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
            ),
            train_dataset=features,
            data_collator=DataCollatorWithPadding(AutoTokenizer.from_pretrained(folder)),
            callbacks=[clock],
        )
        trainer.train()
    seconds = clock.times[-1] - clock.times[WARM_UP - 1]
    return steps * batch / per_question / seconds


def our_speed(settings: TrainSettings) -> float:
    """Return the questions a second of a run, batches' making included, without its first steps."""
    with tempfile.TemporaryDirectory() as out:
        train(settings, Path(out) / "run", resume=False)
        lines = (Path(out) / "run" / "log.jsonl").read_text().splitlines()
    first, *_, last = map(json.loads, lines)
    questions = [line["step"] * settings.batches.questions for line in (first, last)]
    seconds = [
        count / line["questions_per_second"]
        for count, line in zip(questions, (first, last), strict=True)
    ]
    return (questions[1] - questions[0]) / (seconds[1] - seconds[0])


def measure(file: Path, base: Path, batch: int, steps: int, rounds: int) -> dict[str, list[float]]:
    from reader.features import ReaderTokenizer

    data = load_squad([file], ReaderTokenizer.from_folder(base))
    needed = (steps + WARM_UP) * batch
    examples = []
    for example in data.examples[:needed]:
        text = data.contexts[example.context].text
        if example.answers:
            answer = example.answers[0]
            examples.append((example.question, text, answer, text.index(answer)))
    common = TrainSettings(
        str(base), (str(file),), max_steps=steps, epochs=99, development=0.0, negatives=0
    )
    whole = BatchSettings(
        questions=batch, max_pieces=LENGTH, crop_rate=0.0, negative_rate=0.0, title_rate=0.0
    )
    recipe = BatchSettings(questions=batch)
    rows = {full: stock_features(examples, base, full=full) for full in (True, False)}
    share = len(rows[True]) / len(examples)
    from dataclasses import replace

    runs = {
        "stock": lambda: stock_speed(rows[True], share, base, batch, steps),
        "stock, dynamic": lambda: stock_speed(rows[False], share, base, batch, steps),
        "ours, same work": lambda: our_speed(replace(common, batches=whole)),
        "ours, as it is": lambda: our_speed(replace(common, batches=recipe, negatives=4)),
    }
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            speeds[name].append(run())
    return speeds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="a SQuAD-type training file")
    parser.add_argument("--base", type=Path, default=default_folder())
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=60, help="40 or more")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    if args.steps < 40:
        parser.error("--steps: two lines of the log are needed, one every 20 steps")
    speeds = measure(args.file, args.base, args.batch, args.steps, args.rounds)
    stock = statistics.median(speeds["stock"])
    print(f"\n{args.steps} steps of {args.batch} questions, {args.rounds} rounds")
    print(f"{'recipe':<18}{'questions/s':>12}{'range':>18}{'to stock':>10}")
    for name, values in speeds.items():
        middle = statistics.median(values)
        extent = f"{min(values):.2f} to {max(values):.2f}"
        print(f"{name:<18}{middle:>12.2f}{extent:>18}{middle / stock:>10.2f}")


if __name__ == "__main__":
    main()
