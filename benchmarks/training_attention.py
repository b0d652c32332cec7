"""Tokens per second of the reader's training step on this CPU: precisions and attentions.

    python -m benchmarks.training_attention [--rows 40] [--length 160] [--steps 6] [--dropout 0]

One batch of full rows, forward, backward and AdamW, word embeddings frozen, as `qa train reader`
does; "plain products" is `encoder.training.attention`, "fused" what torch would take.
"""

from __future__ import annotations

import argparse
import time
from contextlib import nullcontext

import torch

from encoder import cpu
from encoder.load import default_folder
from encoder.training.attention import fit_attention
from encoder.training.dropout import set_dropout
from reader.model import load_model

WARM_UP = 3


def rate(rows: int, length: int, steps: int, dropout: float, *, half: bool, plain: bool) -> float:
    model = load_model(default_folder()).train()
    model.base.base_model.embeddings.word_embeddings.weight.requires_grad_(False)
    set_dropout(model, dropout)
    if plain:
        fit_attention(model.base, torch.device("cpu"))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, fused=True)
    ids = torch.randint(1000, 20000, (rows, length))
    segments, mask = torch.zeros_like(ids), torch.ones_like(ids)
    begin = 0.0
    for step in range(WARM_UP + steps):
        if step == WARM_UP:
            begin = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16) if half else nullcontext():
            start, end, relevance = model(ids, segments, mask)
            loss = start.logsumexp(-1).mean() + end.logsumexp(-1).mean() + relevance.mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return rows * length * steps / (time.perf_counter() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--length", type=int, default=160)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--dropout", type=float, default=0.0)
    args = parser.parse_args()
    torch.set_flush_denormal(True)
    ways = {"fp32, fused": (False, False), "bf16, fused": (True, False)}
    if cpu.has_fast_bf16(cpu.flags()):  # elsewhere torch's attention is kept
        ways["bf16, plain products"] = (True, True)
    print(f"{args.rows} rows of {args.length} tokens, {cpu.threads()} cores")
    print("| step | tokens/s | times the first |")
    print("|---|---|---|")
    first = 0.0
    for name, (half, plain) in ways.items():
        found = rate(args.rows, args.length, args.steps, args.dropout, half=half, plain=plain)
        first = first or found
        print(f"| {name} | {found:,.0f} | {found / first:.2f} |")


if __name__ == "__main__":
    main()
