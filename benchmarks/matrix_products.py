"""Matrix products of a BERT's shapes by number format: what this processor is fast at.

    python -m benchmarks.matrix_products [--tokens 4096]

Prints operations per second in torch (fp32, bf16, fp16), and the ratio to fp32 of the same shape.
`encoder.cpu` decides by processor flags what these figures say.
"""

from __future__ import annotations

import argparse
import time

import torch

from encoder import cpu

SHAPES = {"joined": (384, 1152), "inner": (384, 1536), "outer": (1536, 384), "large": (2048, 2048)}
FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def rate(tokens: int, inputs: int, outputs: int, dtype: torch.dtype, seconds: float) -> float:
    states = torch.randn(tokens, inputs).to(dtype)
    weight = torch.randn(outputs, inputs).to(dtype)
    for _ in range(3):
        torch.nn.functional.linear(states, weight)
    done, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        torch.nn.functional.linear(states, weight)
        done += 1
    return 2 * tokens * inputs * outputs * done / (time.perf_counter() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--seconds", type=float, default=0.7)
    args = parser.parse_args()
    torch.set_num_threads(cpu.threads())
    found = ", ".join(sorted(f for f in cpu.flags() if f.startswith(("avx", "amx"))))
    print(f"{args.tokens} tokens, {cpu.threads()} cores, {found}")
    print("| product | " + " | ".join(f"{name}, GFLOP/s" for name in FORMATS) + " |")
    print("|---|" + "---|" * len(FORMATS))
    for name, (inputs, outputs) in SHAPES.items():
        rates = [rate(args.tokens, inputs, outputs, t, args.seconds) for t in FORMATS.values()]
        cells = [f"{one / 1e9:.0f} ({one / rates[0]:.2f})" for one in rates]
        print(f"| {name}, {inputs} x {outputs} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
