"""Matrix products of a BERT's shapes by number format: what this processor is fast at.

    python -m benchmarks.matrix_products [--tokens 4096]

Prints operations per second in torch (fp32, bf16, fp16), and the ratio to fp32 of the same shape.
`encoder.cpu` decides by processor flags what these figures say. The last lines are of FAISS' matrix
products, as it comes and as `indexing.faiss_library` loads it: the nearest of 4,096 vectors.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
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


FAISS = """
import time
import numpy as np
{load}
rows, lists, wide = 32_768, 4_096, 384
rng = np.random.default_rng(0)
index = faiss.IndexFlatIP(wide)
index.add(rng.standard_normal((lists, wide)).astype(np.float32))
asked = rng.standard_normal((rows, wide)).astype(np.float32)
index.search(asked, 1)
begin = time.perf_counter()
index.search(asked, 1)
print(2 * rows * lists * wide / (time.perf_counter() - begin))
"""
LOADS = {
    "as it comes": "import faiss",
    "as loaded here": "from indexing.faiss_library import load_faiss; faiss = load_faiss()",
}


def faiss_rate(load: str) -> float:
    """Return FAISS' operations per second, of a process of its own: it chooses when loaded."""
    command = [sys.executable, "-c", FAISS.format(load=load)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


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
    for name, load in LOADS.items():
        print(f"FAISS {name}: {faiss_rate(load) / 1e9:.0f} GFLOP/s")


if __name__ == "__main__":
    main()
