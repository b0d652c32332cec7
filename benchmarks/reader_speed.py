"""Reading speed and agreement: our precisions beside a plain transformers fp32 loop, in one run.

All read the same questions over the same contexts with the same weights. The plain loop is what
the documentation of transformers shows: one question at a time, tokenise, run, take the best
start and end. It is an independent implementation, so agreement with it says that we compute
the same thing.

    python -m benchmarks.reader_speed SQUAD_FILE [--limit 500] [--reader FOLDER] [--device cuda]

The share of the peak is the matrix products that reading takes, padding not counted, over the
speed of a large product of the same precision, measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from benchmarks.operations import bert_products, peak
from encoder import cpu
from indexing.documents import Passage
from pipelines.metrics import squad_scores
from pipelines.questions import load_reading
from reader.inference import ReadSettings
from reader.load import load_reader, reader_folder

MAX_ANSWER = 30


def plain_loop(folder: Path, examples) -> tuple[list[str], float]:
    """Read with transformers alone, as a user would who has no reader library."""
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    torch.set_num_threads(cpu.threads())
    model = AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    answers = []
    begin = time.perf_counter()
    for example in examples:
        encoded = tokenizer(
            example.question,
            example.context,
            truncation="only_second",
            max_length=384,
            stride=128,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            padding=True,
            return_tensors="pt",
        )
        offsets = encoded.pop("offset_mapping").numpy()
        encoded.pop("overflow_to_sample_mapping")
        with torch.no_grad():
            out = model(**encoded)
        best, answer = -np.inf, ""
        for row in range(len(offsets)):
            inside = np.array(encoded.encodings[row].sequence_ids) == 1
            start = np.where(inside, out.start_logits[row].numpy(), -np.inf)
            end = np.where(inside, out.end_logits[row].numpy(), -np.inf)
            scores = np.triu(np.tril(start[:, None] + end[None, :], MAX_ANSWER - 1))
            scores[~np.triu(np.tril(np.ones_like(scores, dtype=bool), MAX_ANSWER - 1))] = -np.inf
            i, j = np.unravel_index(np.argmax(scores), scores.shape)
            if scores[i, j] > best:
                best = scores[i, j]
                answer = example.context[offsets[row][i][0] : offsets[row][j][1]]
        answers.append(answer)
    return answers, time.perf_counter() - begin


def ours(
    folder: Path, examples, precision: str, batch: int, device: str
) -> tuple[list[str], float]:
    """Read with SpanQA."""
    reader = load_reader(folder, device, precision, ReadSettings(spans=1)).reader
    passages = [
        Passage(i, str(i), "", e.context, 0, len(e.context)) for i, e in enumerate(examples)
    ]
    reader.read([examples[0].question], [passages[:1]])
    answers = []
    begin = time.perf_counter()
    for first in range(0, len(examples), batch):
        chosen = examples[first : first + batch]
        own = [[passage] for passage in passages[first : first + batch]]
        for spans in reader.read([e.question for e in chosen], own):
            answers.append(spans[0].text if spans else "")
    return answers, time.perf_counter() - begin


def work(folder: Path, examples) -> tuple[int, float]:
    """Return the word pieces of all rows, and the operations of their matrix products."""
    from reader.features import ReaderTokenizer

    tokenizer = ReaderTokenizer.from_folder(folder)
    pieces = tokenizer.passages([e.context for e in examples])
    lengths = np.array(
        [
            len(tokenizer.head(tokenizer.question(e.question), tokenizer.title(""))) + len(own) + 1
            for e, own in zip(examples, pieces, strict=True)
        ]
    )
    return int(lengths.sum()), bert_products(folder, lengths)


def score(answers, examples) -> tuple[float, float]:
    found = [
        squad_scores(answer, e.answers, "1.1") for answer, e in zip(answers, examples, strict=True)
    ]
    return (
        100 * float(np.mean([s.exact_match for s in found])),
        100 * float(np.mean([s.f1 for s in found])),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--reader", default=None)
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16", "int8"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=None, help="write the rows as JSON here")
    args = parser.parse_args()
    folder = reader_folder(args.reader)
    examples = [e for e in load_reading(args.file).examples if e.answers]
    if args.limit:
        # Evenly spaced: neighbours in the file share their paragraph.
        examples = examples[:: max(1, len(examples) // args.limit)][: args.limit]
    plain, seconds = plain_loop(folder, examples)
    rows = [("transformers fp32 loop on the CPU", plain, seconds, peak("cpu", "fp32"))]
    for precision in args.precisions:
        read = ours(folder, examples, precision, args.batch, args.device)
        rows.append((f"spanqa {precision}", *read, peak(args.device, precision)))
    tokens, operations = work(folder, examples)
    print(f"{len(examples)} contexts of {args.file.name}, {cpu.threads()} cores, {args.device}")
    print(
        "| reader | passages/s | tokens/s | share of the peak | times the loop | EM | F1 "
        "| same answer as the loop |"
    )
    print("|---|---|---|---|---|---|---|---|")
    stored = []
    for name, answers, took, most in rows:
        em, f1 = score(answers, examples)
        same = 100 * np.mean([a == b for a, b in zip(answers, plain, strict=True)])
        print(
            f"| {name} | {len(examples) / took:.1f} | {tokens / took:,.0f} "
            f"| {100 * operations / took / most:.0f} % | {seconds / took:.2f} | {em:.2f} "
            f"| {f1:.2f} | {same:.1f} % |"
        )
        stored.append(
            {
                "reader": name,
                "passages_per_second": len(examples) / took,
                "em": em,
                "f1": f1,
                "same": same,
            }
        )
    if args.out:
        args.out.write_text(json.dumps({"n": len(examples), "rows": stored}, indent=2) + "\n")


if __name__ == "__main__":
    main()
